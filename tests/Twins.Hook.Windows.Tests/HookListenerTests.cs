using System.IO.Pipes;
using System.Security.AccessControl;
using System.Security.Principal;
using Twins.Hook.Windows.Tests.Support;
using Twins.Manager.Tests.Processes;

namespace Twins.Hook.Windows.Tests;

/// <summary>What others than hooks can do to the listener.</summary>
[TestClass]
public sealed class HookListenerTests
{
    [TestMethod]
    public async Task Message_BecomesAnEventWithTheSendersPid()
    {
        using var listening = new Listening();
        await using var client = listening.Connect();
        await client.WriteAsync(Messages.MappedConnect());
        await client.WriteAsync(Messages.MappedConnect());
        for (var i = 0; i < 2; i++)
        {
            var told = await listening.NextAsync();
            Assert.AreEqual(Environment.ProcessId, told.Pid);
            Assert.AreEqual("Connect 6 10.0.0.1:4660 10.0.0.2:80 in progress", Listening.Text(told));
        }
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(55)]
    [DataRow(57)]
    [DataRow(4096)]
    public async Task MessageOfAnotherSize_IsRefused_AndItsSenderIsPartedFrom(int length)
    {
        var message = new byte[length];
        Messages.MappedConnect().AsSpan(0, Math.Min(length, 56)).CopyTo(message);
        await IsRefusedAsync(message);
    }

    // Every single field of the head broken once: magic, version, size, kind, family.
    [TestMethod]
    [DataRow(0)]
    [DataRow(3)]
    [DataRow(4)]
    [DataRow(5)]
    [DataRow(6)]
    [DataRow(7)]
    [DataRow(8)]
    [DataRow(9)]
    public async Task MessageWithABrokenField_IsRefused_AndItsSenderIsPartedFrom(int offset)
    {
        var message = Messages.MappedConnect();
        message[offset] ^= 0xF0;
        await IsRefusedAsync(message);
    }

    [TestMethod]
    public async Task ManyAtOnce_AreAllAnswered_AndLoggedOnce()
    {
        using var listening = new Listening();
        var garbage = new byte[56];
        await Task.WhenAll(Enumerable.Range(0, 400).Select(number => Task.Run(async () =>
        {
            await using var client = listening.Connect();
            await client.WriteAsync(number % 2 == 0 ? Messages.MappedConnect() : garbage);
        })));
        for (var i = 0; i < 200; i++)
            await listening.NextAsync();
        Assert.AreEqual(200, Wait.Until(() => listening.Listener.Refused, refused => refused == 200));
        Assert.AreEqual(
            $"Process {Environment.ProcessId} was refused a message to the hook pipe: it is no hook message (not logged again within an hour)",
            string.Join('\n', listening.Refusals.Lines));
        Assert.IsEmpty(listening.Logger.Lines);
    }

    [TestMethod]
    public async Task SilentClients_MakeRoom_LongestSilentFirst()
    {
        using var listening = new Listening();
        var first = listening.Connect();
        await Task.Delay(50);
        var speaking = listening.Connect();
        await Task.Delay(50);
        await first.WriteAsync(Messages.MappedConnect());
        await listening.NextAsync();
        await Task.Delay(50);

        var crowd = Enumerable.Range(0, 222).Select(_ => listening.Connect()).ToList();
        Assert.AreEqual(1, Wait.Until(() => listening.Listener.Displaced, displaced => displaced == 1));
        Wait.Until(() => Takes(speaking), takes => !takes);
        Assert.IsFalse(Takes(speaking), "it was silent for longest");
        await first.WriteAsync(Messages.MappedConnect());
        await listening.NextAsync();
        crowd.ForEach(client => client.Dispose());
        first.Dispose();
        speaking.Dispose();
    }

    [TestMethod]
    public async Task ClientsThatComeAndGo_LeaveTheirPlaces()
    {
        using var listening = new Listening();
        for (var i = 0; i < 1000; i++)
            listening.Connect().Dispose();
        await using var client = listening.Connect();
        await client.WriteAsync(Messages.MappedConnect());
        await listening.NextAsync();
        Assert.AreEqual(0, listening.Listener.Refused);
        Assert.IsEmpty(listening.Logger.Lines);
    }

    [TestMethod]
    public void TakenName_IsSaidWithTheRemedy()
    {
        using var listening = new Listening();
        var failure = Assert.ThrowsExactly<IOException>(listening.Listen);
        Assert.Contains($"The hooks' pipe {listening.Path} can't be made: ", failure.Message);
        Assert.Contains(" Another program has a pipe of this name: end it, or another twinsd.", failure.Message);
    }

    [TestMethod]
    public async Task Disposal_EndsTheEvents_AndFreesTheName()
    {
        using var listening = new Listening();
        await using var client = listening.Connect();
        listening.Listener.Dispose();
        await listening.Listener.Events.Completion;
        using var next = listening.Listen();
        Assert.IsFalse(next.Events.Completion.IsCompleted);
        Assert.IsEmpty(listening.Logger.Lines);
    }

    [TestMethod]
    public void Everybody_MayWrite_AndNobodyElseMakesInstances()
    {
        using var listening = new Listening();
        using var client = listening.Connect(PipeAccessRights.WriteData | PipeAccessRights.ReadPermissions);
        var rules = client.GetAccessControl().GetAccessRules(includeExplicit: true, includeInherited: true, typeof(SecurityIdentifier))
            .Cast<PipeAccessRule>().Select(rule => $"{rule.AccessControlType} {rule.IdentityReference} {(int)rule.PipeAccessRights:x}");
        var own = WindowsIdentity.GetCurrent().User!;
        // S-1-1-0 is everybody; 2 writes, 80 and 100000 come with every opening. 4 would make instances.
        Assert.AreEqual($"Allow S-1-1-0 100082\nAllow {own} 1f019f", string.Join('\n', rules.Order()));
    }

    private static async Task IsRefusedAsync(byte[] message)
    {
        using var listening = new Listening();
        await using var hostile = listening.Connect();
        Listening.Send(hostile, message);
        Assert.AreEqual(1, Wait.Until(() => listening.Listener.Refused, refused => refused == 1));
        Assert.IsFalse(Wait.Until(() => Takes(hostile), takes => !takes), "it is still connected");

        await using var other = listening.Connect();
        await other.WriteAsync(Messages.MappedConnect());
        Assert.AreEqual("Connect 6 10.0.0.1:4660 10.0.0.2:80 in progress", Listening.Text(await listening.NextAsync()));
        Assert.AreEqual(1, listening.Listener.Refused);
    }

    private static bool Takes(NamedPipeClientStream client)
    {
        try
        {
            client.Write(Messages.MappedConnect());
            return true;
        }
        catch (Exception failure) when (failure is IOException or InvalidOperationException)
        {
            return false;
        }
    }
}
