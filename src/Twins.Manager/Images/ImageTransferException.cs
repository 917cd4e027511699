namespace Twins.Manager.Images;

/// <summary>A stream of images is cut short, damaged or not acceptable; what had arrived has been removed.</summary>
public sealed class ImageTransferException : Exception
{
    /// <summary>Makes the exception.</summary>
    public ImageTransferException(string code, string message, Exception? inner = null)
        : base(message, inner) => Code = code;

    /// <summary>Stable, kebab-case: <c>image-damaged</c>, <c>image-cut-short</c>, <c>image-refused</c> or <c>disk-full</c>.</summary>
    public string Code { get; }
}
