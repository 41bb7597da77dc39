using System.Text.Json;
using Microsoft.Playwright;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Browser;

/// <summary>Debian's Chromium without its windows, started once for a class of tests.</summary>
public sealed class Chromium : IAsyncLifetime
{
    // Nothing but what a test opens: no updates, no look-ups, no reports.
    private static readonly string[] Quiet =
    [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync",
    ];

    private IPlaywright _playwright = null!;
    private IBrowser _browser = null!;

    public async ValueTask InitializeAsync()
    {
        await NodePackages.Install();
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = "/usr/bin/chromium-headless-shell", Args = Quiet });
    }

    /// <summary>A new window, as a person has it who was never here before.</summary>
    internal async Task<Window> Open(RunningServer server, BrowserNewContextOptions? options = null, Uri? origin = null)
    {
        var wanted = options ?? new BrowserNewContextOptions();
        wanted.BaseURL = (origin ?? server.Origin).ToString();
        wanted.Locale ??= "en-GB";
        var context = await _browser.NewContextAsync(wanted);
        context.SetDefaultTimeout(15_000);
        return new Window(context, await context.NewPageAsync(), origin ?? server.Origin);
    }

    public async ValueTask DisposeAsync()
    {
        await _browser.DisposeAsync();
        _playwright.Dispose();
    }
}

/// <summary>A window, and what it asked for and complained of.</summary>
internal sealed class Window : IAsyncDisposable
{
    private readonly IBrowserContext _context;
    private readonly List<string> _foreign = [];
    private readonly List<string> _complaints = [];

    public Window(IBrowserContext context, IPage page, Uri origin)
    {
        _context = context;
        Page = page;
        page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith(origin.ToString(), StringComparison.Ordinal) && !request.Url.StartsWith("data:", StringComparison.Ordinal))
            {
                _foreign.Add(request.Url);
            }
        };
        page.Console += (_, message) =>
        {
            // A page that was refused is told of in the console too; that is what the tests provoke.
            if (message.Type is "error" or "warning" && !message.Text.StartsWith("Failed to load resource", StringComparison.Ordinal))
            {
                _complaints.Add(message.Text);
            }
        };
        page.PageError += (_, error) => _complaints.Add(error);
    }

    public IPage Page { get; }

    public ILocator Button(string name) => Page.GetByRole(AriaRole.Button, new() { Name = name, Exact = true });

    public Task Heading(string text) =>
        Page.GetByRole(AriaRole.Heading, new() { Name = text, Level = 1 }).WaitForAsync();

    /// <summary>The page as it stands: nobody it should not talk to, no complaint, and with script no fault that axe finds.</summary>
    public async Task Look(string name, bool axe = true)
    {
        if (Environment.GetEnvironmentVariable("SPAREKEY_SCREENSHOTS") is { Length: > 0 } folder)
        {
            var width = Page.ViewportSize!.Width;
            await Page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{name}-{width}.png"), FullPage = true });
        }

        _foreign.ShouldBeEmpty();
        _complaints.ShouldBeEmpty();
        (await Page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= window.innerWidth")).ShouldBeTrue($"{name} scrolls sideways");
        if (axe)
        {
            await Page.EvaluateAsync(await File.ReadAllTextAsync(Path.Combine(NodePackages.Folder, "node_modules", "axe-core", "axe.min.js")));
            var found = await Page.EvaluateAsync<JsonElement>(
                "async () => (await axe.run(document)).violations.map(v => ({ id: v.id, help: v.help, at: v.nodes.map(n => n.html) }))");
            found.GetRawText().ShouldBe("[]", name);
        }
    }

    public async ValueTask DisposeAsync() => await _context.DisposeAsync();
}
