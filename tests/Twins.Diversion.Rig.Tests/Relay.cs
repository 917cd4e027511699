using Twins.Diversion.Windows;
using Twins.Diversion.Windows.Tests;
using Twins.Packets;

namespace Twins.Diversion.Rig.Tests;

/// <summary>A thread that captures what targets single out, as a twin's does.</summary>
internal sealed class Relay : IDisposable
{
    private readonly WinDivertSender _sender = WinDivertSender.Open();
    private readonly WinDivertDiverter _diverter;
    private readonly TargetSet _targets;
    private readonly Thread _thread;
    private ChecksumState _checksum;
    private Exception? _failure;

    public Relay(DivertTarget[] targets, Decision? decide = null)
    {
        _targets = new TargetSet(targets);
        Decide = decide ?? ((in PacketView _) => true);
        _diverter = WinDivertDiverter.Open(TargetFilters.Capture(targets).Single(), _sender);
        _thread = new Thread(Run) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>Whether a packet goes on untouched.</summary>
    public delegate bool Decision(in PacketView packet);

    public Decision Decide { get; set; }

    /// <summary>Sends a packet with other ends. For the decision.</summary>
    public void Send(in PacketView packet, FiveTuple to)
    {
        packet.Rewrite(to, _checksum);
        if (_checksum == ChecksumState.Partial)
            packet.FinishChecksum();
        Assert.IsTrue(packet.HasRightChecksums());
        _sender.Enqueue(packet.Bytes);
    }

    /// <summary>Shut down, it gives what waits and ends; all that was sent was taken.</summary>
    public void AssertEndsWell()
    {
        _diverter.Stop();
        Assert.IsTrue(_thread.Join(TimeSpan.FromSeconds(20)), "the capture ends");
        Assert.IsNull(_failure, $"{_failure}");
        Assert.IsTrue(_diverter.IsDrained);
        Assert.AreEqual(0, _sender.Counters.Refused);
    }

    public void Dispose()
    {
        _diverter.Stop();
        _thread.Join();
        _diverter.Dispose();
        _sender.Dispose();
    }

    private void Run()
    {
        try
        {
            while (_diverter.Receive() is var count and > 0)
            {
                for (var i = 0; i < count; i++)
                {
                    if (!PacketView.TryParse(_diverter[i].Bytes, out var packet, out _) || !_targets.Diverts(packet))
                    {
                        _diverter.Accept(i);
                        continue;
                    }

                    _checksum = _diverter[i].Checksum;
                    if (Decide(packet))
                        _diverter.Accept(i);
                }

                _diverter.Complete();
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            _failure = e;
        }
    }
}
