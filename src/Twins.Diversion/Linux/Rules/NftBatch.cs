using System.Runtime.InteropServices;

namespace Twins.Diversion.Linux;

/// <summary>Changes to our nft table that the kernel carries out as one transaction (linux/netfilter/nf_tables.h, linux/netfilter/nfnetlink.h).</summary>
internal sealed class NftBatch
{
    private const ushort BatchBegin = 0x10; // NFNL_MSG_BATCH_BEGIN
    private const ushort BatchEnd = 0x11;   // NFNL_MSG_BATCH_END
    private const ushort Subsystem = 10;    // NFNL_SUBSYS_NFTABLES
    public const byte FamilyInet = 1;       // NFPROTO_INET
    private const int SendBufferForce = 32; // SO_SNDBUFFORCE
    private uint _sequence;

    public NftBatch() => Messages.BeginNetfilter(BatchBegin, 0, ++_sequence, family: 0, Subsystem);

    /// <summary>What a message says is written with this, behind <see cref="Begin"/>.</summary>
    public NetlinkWriter Messages { get; } = new();

    /// <summary>The type of a netlink message of nf_tables (NFT_MSG_*).</summary>
    public static ushort TypeOf(byte message) => (ushort)(Subsystem << 8 | message);

    /// <summary>A socket that carries batches to the calling thread's network namespace, from whichever thread.</summary>
    /// <exception cref="DiversionException">The system refused.</exception>
    public static FileDescriptor OpenSocket()
    {
        var socket = LibC.Socket(LibC.AddressFamilyNetlink, LibC.SocketRaw | LibC.CloseOnExec, LibC.NetlinkNetfilter);
        return socket.IsInvalid ? throw Errno.Last("open netfilter socket") : socket;
    }

    /// <summary>Begins a message (NFT_MSG_*) about a chain or a map of our table.</summary>
    public void Begin(byte type, ushort flags, string name)
    {
        Messages.BeginNetfilter(TypeOf(type), flags, ++_sequence, FamilyInet, resource: 0);
        // NFTA_RULE_TABLE and NFTA_RULE_CHAIN, or NFTA_SET_ELEM_LIST_TABLE and NFTA_SET_ELEM_LIST_SET.
        Messages.Text(1, RuleText.TableName);
        Messages.Text(2, name);
    }

    /// <summary>Carries it all out, once. For one thread at a time on a socket.</summary>
    /// <exception cref="DiversionException">The kernel refused; nothing is changed.</exception>
    public void Run(FileDescriptor socket, string operation)
    {
        var last = _sequence;
        Messages.RequestAcknowledgement();
        Messages.BeginNetfilter(BatchEnd, 0, ++_sequence, family: 0, Subsystem);
        // The whole batch is one datagram.
        if (!TryMakeRoom(socket, Messages.Length + 4096) || !Messages.TrySend(socket))
            throw Failure(operation, Marshal.GetLastPInvokeError());

        // The kernel works while send() lasts: when it is back, all answers are there.
        var (done, error) = (false, 0);
        var buffer = new byte[64 << 10];
        while (NetlinkMessage.Receive(socket, buffer) is { Length: > 0 } answers)
        {
            while (NetlinkMessage.TryTake(ref answers, out var answer))
            {
                if (!answer.TryReadError(out var code))
                    continue;
                if (error == 0)
                    error = code;
                done |= code == 0 && answer.Sequence == last;
            }
        }

        if (error != 0 || !done)
            throw Failure(operation, error);
    }

    private static unsafe bool TryMakeRoom(FileDescriptor socket, int bytes) =>
        LibC.SetSocketOption(socket, LibC.SocketLevel, SendBufferForce, &bytes, sizeof(int)) == 0;

    private static DiversionException Failure(string operation, int error) =>
        new(operation, error, error == 0 ? "the kernel didn't say that it did" : Marshal.GetPInvokeErrorMessage(error), "see `twins doctor`");
}
