using System.Diagnostics;

namespace Sparekey.Server.Tests;

/// <summary>What the README tells a newcomer to type works, word for word, against the program as it is built.</summary>
public sealed class ReadmeTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly string _folder = Directory.CreateTempSubdirectory("sparekey-readme-").FullName;
    private ServerProcess _server = null!;

    public async ValueTask InitializeAsync() => _server = await ServerProcess.Start(_folder);

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Leads_a_newcomer_from_a_forgotten_password_to_a_new_one()
    {
        var script = Path.Combine(_folder, "readme.sh");
        await File.WriteAllTextAsync(script, MarkedBlock(await File.ReadAllTextAsync(Readme(), TestContext.Current.CancellationToken)), TestContext.Current.CancellationToken);

        var (exitCode, said) = await RunInBash(script);

        exitCode.ShouldBe(0, said);
        said.ShouldContain("\nold password: 401\nold session: 401\nnew password: 201\nproof: valid {", customMessage: said);
    }

    // The first fenced block after the mark.
    private static string MarkedBlock(string readme)
    {
        const string fence = "\n```bash\n";
        var mark = readme.IndexOf("<!-- readme-test:", StringComparison.Ordinal);
        mark.ShouldBeGreaterThan(0);
        var begin = readme.IndexOf(fence, mark, StringComparison.Ordinal) + fence.Length;
        return readme[begin..readme.IndexOf("\n```", begin, StringComparison.Ordinal)] + "\n";
    }

    private async Task<(int ExitCode, string Said)> RunInBash(string script)
    {
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

    private static string Readme()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Sparekey.slnx")))
        {
            folder = folder.Parent.ShouldNotBeNull();
        }

        return Path.Combine(folder.FullName, "README.md");
    }
}
