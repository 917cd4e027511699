using Twins.Capture;

namespace Twins.Cli.Capturing;

/// <summary>Packets of this machine's interfaces, as the system captures them.</summary>
internal interface IFrameSource : IDisposable
{
    /// <summary>Names of what is captured.</summary>
    IReadOnlyList<string> Names { get; }

    /// <summary>What its frames are, by the first interface.</summary>
    CaptureInterface First { get; }

    /// <summary>Packets that the system had no room for; on Windows how often that happened, because the driver doesn't count.</summary>
    long Dropped { get; }

    /// <summary>Begins to capture.</summary>
    /// <param name="take">Called for each frame, on several threads.</param>
    void Start(Action<CapturedFrame> take);

    /// <summary>Ends capturing; afterwards <see cref="Dropped"/> is known.</summary>
    void Stop();
}
