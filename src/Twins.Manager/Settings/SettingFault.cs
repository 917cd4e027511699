namespace Twins.Manager.Settings;

/// <summary>One setting that can't be used.</summary>
/// <param name="Key">The key as its source spells it.</param>
/// <param name="Value">What was given.</param>
/// <param name="Allowed">What is allowed, in words.</param>
internal sealed record SettingFault(string Key, string Value, string Allowed)
{
    public override string ToString() => $"{Key} is '{Value}'; allowed: {Allowed}.";
}
