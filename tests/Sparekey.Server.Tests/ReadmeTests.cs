using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>What the documents tell a newcomer to type works, word for word, against the program as it is built.</summary>
[Trait("runs", "once")]
public sealed partial class ReadmeTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly string _folder = Directory.CreateTempSubdirectory("sparekey-readme-").FullName;
    private SmtpServer _smtp = null!;
    private ServerProcess _server = null!;

    public async ValueTask InitializeAsync()
    {
        _smtp = await SmtpServer.Start();
        _server = await ServerProcess.Start(_folder, environment: new Dictionary<string, string>
        {
            ["SPAREKEY_MAIL__HOST"] = "127.0.0.1",
            ["SPAREKEY_MAIL__PORT"] = _smtp.Port.ToString(CultureInfo.InvariantCulture),
            ["SPAREKEY_MAIL__TLS"] = "none",
            ["SPAREKEY_MAIL__FROM"] = "Example Recovery <recovery@example.com>",
        });
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _smtp.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Leads_a_newcomer_from_a_forgotten_password_to_a_new_one()
    {
        var (exitCode, said) = await RunBlockOf("README.md");

        exitCode.ShouldBe(0, said);
        said.ShouldContain("\nold password: 401\nold session: 401\nnew password: 201\nproof: valid {", customMessage: said);
    }

    [Fact]
    public async Task Leads_a_newcomer_to_the_first_person_by_mail()
    {
        var (exitCode, said) = await RunBlockOf("docs/first-mail.md");
        exitCode.ShouldBe(0, said);
        said.ShouldContain("\"state\":\"issued\"");
        said.ShouldNotContain("#spl_");

        var mails = await _smtp.Received();
        for (var left = 100; left > 0 && mails.Count < 3; left--)
        {
            await Task.Delay(100, TestContext.Current.CancellationToken);
            mails = await _smtp.Received();
        }

        mails.Count.ShouldBe(3);
        mails.ShouldAllBe(m => m.To.SequenceEqual(new[] { "you@example.com" }));
        mails.Count(m => m.Text.Contains($"{_server.Http.BaseAddress}recover#spl_", StringComparison.Ordinal)).ShouldBe(1);
    }

    [Fact]
    public async Task Every_recipe_of_the_policy_page_is_a_policy()
    {
        var page = await File.ReadAllTextAsync(InRepository("docs/policy.md"), TestContext.Current.CancellationToken);
        var recipes = Recipe().Matches(page).Select(m => m.Groups["json"].Value).ToList();
        recipes.Count.ShouldBe(8);
        var token = (await File.ReadAllTextAsync(Path.Combine(_folder, "bootstrap-token"), TestContext.Current.CancellationToken)).Trim();
        foreach (var (recipe, version) in recipes.Select((r, i) => (r, i)))
        {
            var body = System.Text.Json.Nodes.JsonNode.Parse(recipe)!;
            body["version"] = version;
            var (status, answer) = await _server.Send(HttpMethod.Put, "/v1/policy", body, token);
            status.ShouldBe(200, answer?.ToJsonString());
        }
    }

    // The first fenced block after the mark.
    private static string MarkedBlock(string readme)
    {
        const string fence = "\n```bash\n";
        var mark = TestMark().Match(readme).Index;
        mark.ShouldBeGreaterThan(0);
        var begin = readme.IndexOf(fence, mark, StringComparison.Ordinal) + fence.Length;
        return readme[begin..readme.IndexOf("\n```", begin, StringComparison.Ordinal)] + "\n";
    }

    private async Task<(int ExitCode, string Said)> RunBlockOf(string document)
    {
        var script = Path.Combine(_folder, "block.sh");
        await File.WriteAllTextAsync(script, MarkedBlock(await File.ReadAllTextAsync(InRepository(document))));
        var start = new ProcessStartInfo("bash", ["-eu", "-o", "pipefail", script])
        {
            WorkingDirectory = _folder,
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["SPAREKEY_DATA"] = _folder;
        start.Environment["SPAREKEY_URLS"] = _server.Http.BaseAddress!.GetLeftPart(UriPartial.Authority);
        using var shell = Process.Start(start).ShouldNotBeNull();
        var (output, errors) = (shell.StandardOutput.ReadToEndAsync(), shell.StandardError.ReadToEndAsync());
        using var patience = new CancellationTokenSource(Patience);
        await shell.WaitForExitAsync(patience.Token);
        return (shell.ExitCode, $"{await output}\n{await errors}");
    }

    private static string InRepository(string file) => Path.Combine(Repository.Root, file);

    [GeneratedRegex("<!-- (readme|docs)-test:", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex TestMark();

    [GeneratedRegex("\n```json\n(?<json>[^`]*)\n```", RegexOptions.NonBacktracking)]
    private static partial Regex Recipe();
}
