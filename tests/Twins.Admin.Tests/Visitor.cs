using System.Globalization;
using Microsoft.Playwright;
using Twins.KernelTests.Lab;

namespace Twins.Admin.Tests;

/// <summary>Debian's Chromium on a lab machine, with one page. What it asked for, and what went wrong in it, is kept.</summary>
internal sealed class Visitor : IAsyncDisposable
{
    private const float Deadline = 30_000;

    private readonly IPlaywright _playwright;
    private readonly IBrowser _browser;
    private readonly Machine _machine;
    private readonly List<string> _addresses = [];
    private readonly List<string> _complaints = [];

    private Visitor(IPlaywright playwright, IBrowser browser, IPage page, Machine machine)
    {
        (_playwright, _browser, Page, _machine) = (playwright, browser, page, machine);
        page.SetDefaultTimeout(Deadline);
        page.Request += (_, request) => Keep(_addresses, request.Url);
        page.WebSocket += (_, socket) => Keep(_addresses, socket.Url);
        page.Console += (_, message) =>
        {
            if (message.Type == "error")
                Keep(_complaints, message.Text);
        };
        page.PageError += (_, error) => Keep(_complaints, error);
    }

    public IPage Page { get; }

    /// <summary>Every address that was asked for.</summary>
    public IReadOnlyList<string> Addresses
    {
        get
        {
            lock (_addresses)
                return [.. _addresses];
        }
    }

    /// <summary>Errors in the browser's console, broken content policies among them.</summary>
    public IReadOnlyList<string> Complaints
    {
        get
        {
            lock (_complaints)
                return [.. _complaints];
        }
    }

    /// <summary>Starts a browser in the machine's network.</summary>
    public static async Task<Visitor> ComeAsync(Machine machine, int width = 1120, int height = 800, ColorScheme colors = ColorScheme.Light)
    {
        string start = Path.Combine(Repository.Scratch, string.Create(CultureInfo.InvariantCulture, $"chromium-{Path.GetRandomFileName()}"));
        File.WriteAllText(start, $"#!/bin/sh\nexec nsenter --net={machine.Outside("/proc/1/ns/net")} -- chromium \"$@\"\n");
        File.SetUnixFileMode(start, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        IPlaywright playwright = await Playwright.CreateAsync();
        IBrowser browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = start, Args = ["--disable-gpu", "--no-first-run"], Timeout = 2 * Deadline });
        File.Delete(start);
        IBrowserContext context = await browser.NewContextAsync(new BrowserNewContextOptions
        {
            ViewportSize = new ViewportSize { Width = width, Height = height },
            ColorScheme = colors,
            ReducedMotion = ReducedMotion.Reduce,
        });
        return new Visitor(playwright, browser, await context.NewPageAsync(), machine);
    }

    /// <summary>Starts a browser and logs in as root.</summary>
    public static async Task<Visitor> LogInAsync(Machine machine, int width = 1120, int height = 800, ColorScheme colors = ColorScheme.Light)
    {
        Visitor visitor = await ComeAsync(machine, width, height, colors);
        await visitor.OpenAsync(LoginOf(machine));
        return visitor;
    }

    /// <summary>An address with a login, of root's.</summary>
    public static string LoginOf(Machine machine) => machine.Twins("admin").Exits(0).Document.GetProperty("url").GetString()!;

    /// <summary>Opens an address with a login, and waits for what there is to see.</summary>
    public async Task OpenAsync(string login)
    {
        await Page.GotoAsync(login);
        await Assertions.Expect(Page.Locator("h1")).ToHaveTextAsync("Overview");
        await Assertions.Expect(Page.Locator("#nodes tbody tr")).ToHaveCountAsync(TestLab.Nodes.Count);
    }

    /// <summary>Goes to another page of the page, as a link does.</summary>
    public Task GoAsync(string path) => Page.GotoAsync("http://127.0.0.1:7459" + path);

    /// <summary>Opens the page of a process, by the Table of Twins.</summary>
    public async Task OpenProcessAsync(string name)
    {
        await GoAsync("/processes");
        await Page.GetByRole(AriaRole.Link, new() { Name = name, Exact = true }).ClickAsync();
        await Assertions.Expect(Page.Locator("h1")).ToHaveTextAsync(name);
    }

    /// <summary>Asks for a move in the dialog, up to its preflight.</summary>
    public async Task AskToMoveAsync(string name, string destination)
    {
        await GoAsync("/processes");
        await Page.GetByRole(AriaRole.Button, new() { Name = $"Move {name}", Exact = true }).ClickAsync();
        await Page.GetByRole(AriaRole.Radio, new() { Name = destination }).CheckAsync();
        await Assertions.Expect(Page.Locator("#preflight")).ToBeVisibleAsync();
    }

    /// <summary>A picture for the documentation, where a run for that is: with TWINS_SCREENSHOTS set to a directory.</summary>
    public async Task PictureAsync(string name)
    {
        if (Environment.GetEnvironmentVariable("TWINS_SCREENSHOTS") is { Length: > 0 } directory)
            await Page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(directory, name + ".png"), Animations = ScreenshotAnimations.Disabled });
    }

    /// <summary>What is on the page, for a test that fails.</summary>
    public async Task<string> TellAsync() => Page.IsClosed ? "(closed)"
        : $"{_machine.Name} {Page.Url}\n{await Page.Locator("body").InnerTextAsync()}\n{string.Join('\n', Complaints)}";

    public async ValueTask DisposeAsync()
    {
        await _browser.DisposeAsync();
        _playwright.Dispose();
    }

    private static void Keep(List<string> list, string text)
    {
        lock (list)
            list.Add(text);
    }
}
