namespace Twins.KernelTests.Lab;

/// <summary>What web servers of tests serve: <c>big.bin</c> (48 MiB), <c>middle.bin</c> (4 MiB) and <c>small.bin</c> (5,000 octets).</summary>
/// <param name="Directory">Where they are.</param>
/// <param name="BigSha256">In hexadecimal.</param>
/// <param name="MiddleSha256">In hexadecimal.</param>
/// <param name="SmallSha256">In hexadecimal.</param>
internal sealed record WebFiles(string Directory, string BigSha256, string MiddleSha256, string SmallSha256);
