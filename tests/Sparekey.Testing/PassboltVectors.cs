using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Sparekey.Testing;

/// <summary>
/// Passbolt's own test keys and messages, read from its npm packages at run time (<c>tests/npm/passbolt/vectors.mjs</c>, whose head lists
/// them): nothing of them is kept in this repository. Read once for all tests of a process.
/// </summary>
public static class PassboltVectors
{
    private static readonly Lazy<Task<JsonObject>> All = new(Run);

    /// <summary>Everything.</summary>
    public static Task<JsonObject> Read() => All.Value;

    /// <summary>One of its keys.</summary>
    /// <param name="name">As the vendor calls it, for example <c>account_recovery_organization</c>.</param>
    public static async Task<PassboltKey> Key(string name)
    {
        var key = (await Read())["keys"]![name]!;
        return new PassboltKey(
            Text("fingerprint")!, Text("public") ?? "", Text("private") ?? "", Text("private_decrypted"), Text("revoked"), Text("passphrase") ?? "", Text("userId"));

        string? Text(string member) => key[member] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
    }

    /// <summary>A text by its path, for example <c>messages.ada.blob</c>.</summary>
    /// <param name="path">Members, joined by dots.</param>
    public static async Task<string> Text(string path) =>
        (string)path.Split('.').Aggregate((JsonNode)await Read(), (at, member) => at[member] ?? throw new KeyNotFoundException(path))!;

    private static async Task<JsonObject> Run()
    {
        await NodePackages.Install();
        using var node = Process.Start(new ProcessStartInfo("node", ["vectors.mjs"])
        {
            WorkingDirectory = Path.Combine(NodePackages.Folder, "passbolt"),
            UseShellExecute = false,
            RedirectStandardOutput = true,
        }) ?? throw new InvalidOperationException("node did not start.");
        var said = await node.StandardOutput.ReadToEndAsync();
        await node.WaitForExitAsync();
        return node.ExitCode == 0 ? JsonNode.Parse(said)!.AsObject() : throw new InvalidOperationException("vectors.mjs failed.");
    }
}

/// <summary>One of Passbolt's test keys.</summary>
/// <param name="Fingerprint">40 upper-case hexadecimal characters.</param>
/// <param name="Public">Armored; empty where the vendor has none.</param>
/// <param name="Private">Armored, under the passphrase; empty where the vendor has none.</param>
/// <param name="Unprotected">Armored, without a passphrase.</param>
/// <param name="Revoked">The public key with its revocation.</param>
/// <param name="Passphrase">Empty where there is none.</param>
/// <param name="UserId">The person's id in the vendor's tests.</param>
public sealed record PassboltKey(
    string Fingerprint, string Public, string Private, string? Unprotected, string? Revoked, string Passphrase, string? UserId);
