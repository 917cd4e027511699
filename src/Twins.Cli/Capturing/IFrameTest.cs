namespace Twins.Cli.Capturing;

/// <summary>The user's filter, for packets that haven't passed it in the system: those of twins and of files.</summary>
internal interface IFrameTest : IDisposable
{
    /// <summary>Whether the filter takes a frame.</summary>
    /// <param name="linkType">The LINKTYPE_ value.</param>
    /// <param name="octets">What was captured of it.</param>
    /// <exception cref="CliException">The filter has no meaning for frames of this kind.</exception>
    bool Matches(int linkType, ReadOnlyMemory<byte> octets);
}
