using System.Runtime.InteropServices;

namespace Twins.Diversion.Linux;

/// <summary>Changes to the rules of one chain of family <c>inet</c>, carried out by the kernel as one transaction.</summary>
internal sealed unsafe class RuleBatch
{
    private const int ProtocolNetfilter = 12;
    private const int HeaderBytes = 20;         // nlmsghdr 16, nfgenmsg 4
    private const ushort ErrorType = 2;         // NLMSG_ERROR
    private const ushort BatchBegin = 0x10;     // NFNL_MSG_BATCH_BEGIN
    private const ushort BatchEnd = 0x11;       // NFNL_MSG_BATCH_END
    private const ushort Subsystem = 10;        // NFNL_SUBSYS_NFTABLES
    private const ushort NewRule = Subsystem << 8 | 6;
    private const ushort DeleteRule = Subsystem << 8 | 8;
    private const byte FamilyInet = 1;          // NFPROTO_INET
    private const ushort RequestFlag = 1;
    private const ushort AcknowledgeFlag = 4;
    private const ushort AppendFlags = 0xC00;   // NLM_F_CREATE, NLM_F_APPEND

    private readonly NetlinkWriter _writer = new();
    private readonly string _table;
    private readonly string _chain;

    public RuleBatch(string table, string chain)
    {
        (_table, _chain) = (table, chain);
        _writer.Begin(BatchBegin, RequestFlag, 0, Subsystem);
        _writer.End();
    }

    /// <summary>Takes away all rules of the chain.</summary>
    public void Flush()
    {
        _writer.Begin(DeleteRule, RequestFlag | AcknowledgeFlag, FamilyInet, 0);
        _writer.Text(1, _table);
        _writer.Text(2, _chain);
        _writer.End();
    }

    /// <summary>Adds a rule behind the others.</summary>
    public void Add(Action<RuleExpressions> rule)
    {
        _writer.Begin(NewRule, RequestFlag | AcknowledgeFlag | AppendFlags, FamilyInet, 0);
        _writer.Text(1, _table);
        _writer.Text(2, _chain);
        _writer.Nest(4, () => rule(new RuleExpressions(_writer)));
        _writer.End();
    }

    /// <summary>Carries it all out, in the calling thread's network namespace.</summary>
    /// <exception cref="DiversionException">The kernel refused; nothing is changed.</exception>
    public void Run()
    {
        _writer.Begin(BatchEnd, RequestFlag, 0, Subsystem);
        _writer.End();
        using var socket = LibC.Socket(LibC.AddressFamilyNetlink, LibC.SocketRaw | LibC.CloseOnExec, ProtocolNetfilter);
        if (socket.IsInvalid)
            throw Errno.Last("open netfilter socket");
        var message = _writer.Written;
        fixed (byte* bytes = message)
        {
            if (LibC.Send(socket, bytes, (nuint)message.Length, 0) < 0)
                throw Errno.Last("write nft rules");
        }

        ReadAnswers(socket);
    }

    // The kernel has answered all of a batch before send returns.
    private static void ReadAnswers(FileDescriptor socket)
    {
        Span<byte> answer = stackalloc byte[0x4000];
        while (true)
        {
            nint length;
            fixed (byte* bytes = answer)
                length = LibC.Receive(socket, bytes, (nuint)answer.Length, LibC.MessageDontWait);
            if (length < 0)
            {
                if (Marshal.GetLastPInvokeError() == Errno.Again)
                    return;
                throw Errno.Last("read the answer about nft rules");
            }

            if (length >= HeaderBytes && MemoryMarshal.Read<ushort>(answer[4..]) == ErrorType && MemoryMarshal.Read<int>(answer[16..]) is not 0 and var error)
                throw Errno.Of("write nft rules", -error);
        }
    }
}
