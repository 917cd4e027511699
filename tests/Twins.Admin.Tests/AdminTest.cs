using Microsoft.Playwright;
using Twins.KernelTests.Lab;

namespace Twins.Admin.Tests;

/// <summary>A test with browsers, which end with it; what they show is told when it fails.</summary>
public abstract class AdminTest : LabTest
{
    private readonly List<Visitor> _visitors = [];

    [TestCleanup]
    public async Task EndVisitorsAsync()
    {
        foreach (Visitor visitor in _visitors)
        {
            if (TestContext.CurrentTestOutcome != UnitTestOutcome.Passed)
                TestContext.WriteLine("{0}", await visitor.TellAsync());
            await visitor.DisposeAsync();
        }
    }

    private protected async Task<Visitor> LogInAsync(Machine machine, int width = 1120, int height = 800, ColorScheme colors = ColorScheme.Light) =>
        Keep(await Visitor.LogInAsync(machine, width, height, colors));

    private protected async Task<Visitor> ComeAsync(Machine machine) => Keep(await Visitor.ComeAsync(machine));

    /// <summary>An echo server at home with checked clients.</summary>
    private protected (MobileProcess Server, CheckedClient Client) StartServer(string name = "echo")
    {
        MobileProcess server = RunMobile(Home, name, "python3", Repository.Rig("traffic.py"), "serve", "7000");
        WaitForListener(Home, 7000);
        return (server, Talk("10.77.0.2:7000", "--connections", "4", "--rate", "200").WaitUntilReady());
    }

    private Visitor Keep(Visitor visitor)
    {
        _visitors.Add(visitor);
        return visitor;
    }
}
