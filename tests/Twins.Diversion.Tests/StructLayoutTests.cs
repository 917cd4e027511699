using System.Runtime.InteropServices;
using Twins.Diversion.Linux;

namespace Twins.Diversion.Tests;

/// <summary>Sizes and offsets from the kernel's headers, x86-64.</summary>
[TestClass]
public sealed class StructLayoutTests
{
    [TestMethod]
    [DataRow(typeof(VirtioNetHeader), 10)]
    [DataRow(typeof(NetlinkAddress), 12)]
    [DataRow(typeof(InternetSocketAddress), 16)]
    [DataRow(typeof(IoVector), 16)]
    [DataRow(typeof(LinkLayerAddress), 20)]
    [DataRow(typeof(MessageHeader), 56)]
    [DataRow(typeof(MessageHeaderAndLength), 64)]
    [DataRow(typeof(UnixCredentials), 12)]
    public void Struct_HasTheKernelsSize(Type type, int bytes) => Assert.AreEqual(bytes, Marshal.SizeOf(type));

    [TestMethod]
    [DataRow(typeof(VirtioNetHeader), "Flags", 0)]
    [DataRow(typeof(VirtioNetHeader), "SegmentationType", 1)]
    [DataRow(typeof(VirtioNetHeader), "HeaderLength", 2)]
    [DataRow(typeof(VirtioNetHeader), "SegmentBytes", 4)]
    [DataRow(typeof(VirtioNetHeader), "ChecksumStart", 6)]
    [DataRow(typeof(VirtioNetHeader), "ChecksumOffset", 8)]
    [DataRow(typeof(NetlinkAddress), "Port", 4)]
    [DataRow(typeof(NetlinkAddress), "Groups", 8)]
    [DataRow(typeof(InternetSocketAddress), "Port", 2)]
    [DataRow(typeof(InternetSocketAddress), "Address", 4)]
    [DataRow(typeof(LinkLayerAddress), "InterfaceIndex", 4)]
    [DataRow(typeof(LinkLayerAddress), "AddressLength", 11)]
    [DataRow(typeof(LinkLayerAddress), "Address", 12)]
    [DataRow(typeof(MessageHeader), "NameLength", 8)]
    [DataRow(typeof(MessageHeader), "Vectors", 16)]
    [DataRow(typeof(MessageHeader), "VectorCount", 24)]
    [DataRow(typeof(MessageHeader), "Control", 32)]
    [DataRow(typeof(MessageHeader), "ControlLength", 40)]
    [DataRow(typeof(MessageHeader), "Flags", 48)]
    [DataRow(typeof(MessageHeaderAndLength), "Length", 56)]
    public void Field_IsWhereTheKernelHasIt(Type type, string field, int offset) => Assert.AreEqual(offset, (int)Marshal.OffsetOf(type, field));
}
