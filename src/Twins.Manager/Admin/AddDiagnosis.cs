namespace Twins.Manager.Admin;

/// <summary>Takes the outcome of a check.</summary>
/// <param name="check">Its name, for scripts.</param>
/// <param name="outcome"><c>ok</c>, <c>warning</c> or <c>failed</c>.</param>
/// <param name="detail">What was found.</param>
/// <param name="remedy">What to do about it; left out where all is well.</param>
internal delegate void AddDiagnosis(string check, string outcome, string detail, string remedy = "");
