using System.Diagnostics;
using System.Text.RegularExpressions;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Operations;

/// <summary>What stands in <c>packaging/</c> fits the program: checked as far as it can be without an init system and without a container engine.</summary>
[Trait("runs", "once")]
public sealed partial class PackagingTests
{
    [Fact]
    public async Task The_unit_is_sound_to_systemd_and_hardened()
    {
        var folder = Directory.CreateTempSubdirectory("sparekey-test-").FullName;
        try
        {
            var unit = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "packaging", "sparekey.service"));
            var file = Path.Combine(folder, "sparekey.service");
            unit.ShouldContain("ExecStart=/usr/lib/sparekey/sparekey serve ");
            await File.WriteAllTextAsync(file, unit.Replace("/usr/lib/sparekey/sparekey", ServerProcess.Executable, StringComparison.Ordinal));

            var verified = await Run("systemd-analyze", "verify", file);
            verified.ShouldBe((0, ""), "no fault and no warning");

            // 0 is closed and 100 is open; what is left is the network, which a server needs, and the JIT.
            var (exposed, report) = await Run("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15", file);
            exposed.ShouldBe(0, report);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task The_unit_gives_the_server_what_it_needs_and_does_not_start_in_vain()
    {
        var unit = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "packaging", "sparekey.service"));
        Setting("RestartPreventExitStatus").ShouldBe($"{Cli.ExitCode.Configuration}");
        Setting("MemoryDenyWriteExecute").ShouldBe("no", "the JIT makes memory executable");
        Setting("StateDirectoryMode").ShouldBe("0700");
        Setting("UMask").ShouldBe("0077");
        int.Parse(Setting("TimeoutStopSec"), System.Globalization.CultureInfo.InvariantCulture).ShouldBeGreaterThan(40, "the server's own patience");
        Setting("ExecStart").ShouldContain($"--data /var/lib/{Setting("StateDirectory")} ");
        (await File.ReadAllTextAsync(Path.Combine(Repository.Root, "packaging", "sparekey.sysusers"))).ShouldContain($"u {Setting("User")} ");

        string Setting(string name) => Regex.Match(unit, $"^{name}=(.*)$", RegexOptions.Multiline, TimeSpan.FromSeconds(5)).Groups[1].Value;
    }

    [Fact]
    public async Task The_image_ends_without_root_and_secrets_and_copies_what_is_there()
    {
        var stages = Stages(await File.ReadAllTextAsync(Path.Combine(Repository.Root, "packaging", "Containerfile")));
        stages.Count.ShouldBe(2);
        var (build, final) = (stages[0], stages[1]);

        foreach (var source in Words(build, "COPY").SelectMany(line => line[..^1]))
        {
            Path.Exists(Path.Combine(Repository.Root, source)).ShouldBeTrue(source);
        }

        // What the build needs and the ignore file keeps out would break it at the first try.
        var kept = (await File.ReadAllLinesAsync(Path.Combine(Repository.Root, ".dockerignore"))).Where(l => l.StartsWith('!')).Select(l => l[1..]).ToList();
        Words(build, "COPY").SelectMany(line => line[..^1]).ShouldAllBe(source => kept.Contains(source.TrimEnd('/')));

        var user = Words(final, "USER").ShouldHaveSingleItem().ShouldHaveSingleItem();
        user.ShouldMatch("^[1-9][0-9]*:[1-9][0-9]*$", "a number: orchestrators tell by it that it is not root");
        final.FindIndex(l => l.StartsWith("USER ", StringComparison.Ordinal)).ShouldBeLessThan(final.FindIndex(l => l.StartsWith("ENTRYPOINT ", StringComparison.Ordinal)));
        final.FindLastIndex(l => l.StartsWith("RUN ", StringComparison.Ordinal)).ShouldBeLessThan(final.FindIndex(l => l.StartsWith("USER ", StringComparison.Ordinal)));
        Words(final, "COPY").ShouldHaveSingleItem().ShouldBe(["--from=build", "/app/", "/app/"]);
        Words(final, "VOLUME").ShouldHaveSingleItem().ShouldBe(["/data"]);
        final.ShouldContain(l => l.StartsWith("ENV SPAREKEY_DATA=/data", StringComparison.Ordinal));
        final.ShouldContain("""ENTRYPOINT ["/app/sparekey"]""");
        Words(build, "RUN").ShouldHaveSingleItem().ShouldBe(
            ["dotnet", "publish", "src/Sparekey.Server", "-c", "Release", "-o", "/app", "--nologo", "-p:RunAnalyzers=false"]);
        string.Join('\n', stages.SelectMany(s => s)).ShouldNotMatch("(?i)password|secret|token|keyring");
    }

    [Fact]
    public async Task Published_it_runs_without_rights_from_a_directory_that_nobody_can_write()
    {
        var folder = Directory.CreateTempSubdirectory("sparekey-test-").FullName;
        var (app, data) = (Path.Combine(folder, "app"), Path.Combine(folder, "data"));
        try
        {
            var configuration = ServerProcess.Executable.Contains("/Release/", StringComparison.Ordinal) ? "Release" : "Debug";
            var (published, report) = await Run(
                "dotnet", "publish", Path.Combine(Repository.Root, "src", "Sparekey.Server"), "-c", configuration, "--no-build", "-o", app, "--nologo", "-v", "q");
            published.ShouldBe(0, report);
            Directory.CreateDirectory(data, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            (await Run("chmod", "-R", "a-w", app)).ExitCode.ShouldBe(0);

            // Root without its capabilities is an ordinary user, whom modes stop.
            string[] wrapper = Environment.UserName == "root" ? ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"] : [];
            (await Run([.. wrapper, "touch", Path.Combine(app, "x")])).ExitCode.ShouldNotBe(0, "the directory must really be closed");
            var environment = new Dictionary<string, string> { ["DOTNET_EnableDiagnostics"] = "0", ["TMPDIR"] = app, ["HOME"] = app };
            await using (var server = await ServerProcess.Start(data, Path.Combine(app, "sparekey"), wrapper, environment))
            {
                var token = (await File.ReadAllTextAsync(Path.Combine(data, "bootstrap-token"))).Trim();
                (await server.Send(HttpMethod.Post, "/v1/accounts", new { email = "person@example.com" }, token)).Status.ShouldBe(201);
                (await server.Send(HttpMethod.Post, "/v1/recoveries", new { account = new { email = "person@example.com" }, means = "link" }, token))
                    .Status.ShouldBe(201);
                using var page = await server.Http.GetAsync("/recover");
                page.IsSuccessStatusCode.ShouldBeTrue();
                (await server.Terminate()).ExitCode.ShouldBe(0);
            }

            foreach (var file in Directory.EnumerateFiles(data))
            {
                (File.GetUnixFileMode(file) & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite)).ShouldBe(UnixFileMode.None, $"{file} is its owner's alone");
            }
        }
        finally
        {
            await Run("chmod", "-R", "u+w", folder);
            Directory.Delete(folder, recursive: true);
        }
    }

    private static List<List<string>> Stages(string file)
    {
        var lines = Continued().Replace(file, " ").Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0 && l[0] != '#');
        var stages = new List<List<string>>();
        foreach (var line in lines.SkipWhile(l => l.StartsWith("ARG ", StringComparison.Ordinal)))
        {
            if (line.StartsWith("FROM ", StringComparison.Ordinal))
            {
                stages.Add([]);
            }

            Instructions.ShouldContain(line.Split(' ')[0], line);
            stages[^1].Add(line);
        }

        return stages;
    }

    private static readonly string[] Instructions =
        ["FROM", "WORKDIR", "COPY", "RUN", "ENV", "VOLUME", "EXPOSE", "STOPSIGNAL", "USER", "ENTRYPOINT", "CMD"];

    private static List<string[]> Words(List<string> stage, string instruction) =>
        [.. stage.Where(l => l.StartsWith(instruction + " ", StringComparison.Ordinal))
            .Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..])];

    private static async Task<(int ExitCode, string Said)> Run(params string[] line)
    {
        using var process = Process.Start(new ProcessStartInfo(line[0], line.Skip(1))
        {
            UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        await process.WaitForExitAsync(patience.Token);
        return (process.ExitCode, await output + await errors);
    }

    [GeneratedRegex(@"\\\n\s*", RegexOptions.None, 5000)]
    private static partial Regex Continued();
}
