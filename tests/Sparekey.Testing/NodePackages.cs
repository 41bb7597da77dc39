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

    // Two versions of one product's clients cannot stand in one folder.
    private static readonly string[] Folders = ["", "dfns-0.5", "dfns-0.8", "oidc", "passbolt"];

    private static async Task Run()
    {
        foreach (var folder in Folders.Select(f => Path.Combine(Folder, f)).Where(f => !File.Exists(Path.Combine(f, "node_modules", ".package-lock.json"))))
        {
            using var npm = Process.Start(new ProcessStartInfo("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"]) { WorkingDirectory = folder })
                ?? throw new InvalidOperationException("npm did not start.");
            await npm.WaitForExitAsync();
            if (npm.ExitCode != 0)
            {
                throw new InvalidOperationException($"npm ci failed in {folder}.");
            }
        }
    }
}
