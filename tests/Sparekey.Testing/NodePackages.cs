using System.Diagnostics;

namespace Sparekey.Testing;

/// <summary>What the tests use from npm, in <c>tests/npm</c>.</summary>
public static class NodePackages
{
    private static readonly Lazy<Task> Installed = new(Run);

    /// <summary>The folder, with <c>node_modules</c> in it once they are installed.</summary>
    public static string Folder { get; } = Path.Combine(Repository.Root, "tests", "npm");

    /// <summary>Installs them unless they are there: <c>./test</c> does so beforehand, whoever runs one test alone gets them here.</summary>
    public static Task Install() => Installed.Value;

    private static async Task Run()
    {
        if (File.Exists(Path.Combine(Folder, "node_modules", ".package-lock.json")))
        {
            return;
        }

        using var npm = Process.Start(new ProcessStartInfo("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"]) { WorkingDirectory = Folder })
            ?? throw new InvalidOperationException("npm did not start.");
        await npm.WaitForExitAsync();
        if (npm.ExitCode != 0)
        {
            throw new InvalidOperationException("npm ci failed in tests/npm.");
        }
    }
}
