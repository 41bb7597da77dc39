using System.CommandLine;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Storage;
using Sparekey.Server.Api;
using Sparekey.Server.Http;

namespace Sparekey.Server.Cli;

/// <summary>
/// <c>escrow answer</c>: makes the answer on the machine where the organisation's key is, and sends nothing but the answer. The server may be
/// another machine: then it is called with an access token.
/// </summary>
internal static class EscrowAnswerCommand
{
    /// <summary>The command.</summary>
    /// <param name="common">The options every command has.</param>
    public static Command Make(CommonOptions common)
    {
        var recovery = new Option<string>("--recovery") { Description = "The recovery, by its id.", Required = true };
        var key = new Option<string>("--key") { Description = "The file of the organisation's private key, armored (mode 0600 or 0400).", Required = true };
        var passphrase = new Option<string?>("--passphrase-file") { Description = "The file of its passphrase." };
        var reviewer = new Option<string?>("--reviewer-key") { Description = "The file of your own private key, which signs too." };
        var reviewerPassphrase = new Option<string?>("--reviewer-passphrase-file") { Description = "The file of its passphrase." };
        var requestKey = new Option<string?>("--request-key")
        {
            Description = "The fingerprint of the request's key, as the person reads it out; without it you are shown the server's and asked.",
        };
        var server = new Option<string?>("--server") { Description = "The server's URL, when it is not the one of --data." };
        var token = new Option<string?>("--token-file") { Description = "The file of an access token for it, with recovery:complete." };
        var command = new Command("answer", "Answers a request with the organisation's key, here; only the answer leaves this machine.")
        {
            recovery, key, passphrase, reviewer, reviewerPassphrase, requestKey, server, token,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            if (OpenPgpLibrary.Missing is { } missing)
            {
                throw Refused(missing);
            }

            var files = new EscrowKeyFiles(parsed.GetValue(key)!, parsed.GetValue(passphrase))
            {
                ReviewerKey = parsed.GetValue(reviewer), ReviewerPassphrase = parsed.GetValue(reviewerPassphrase),
            };
            await using var client = parsed.GetValue(server) is { } url
                ? LocalClient.Remote(ServerOf(url), parsed.GetValue(token) is { } file ? Token(file) : null)
                : await common.Connect(parsed, cancellationToken);
            var path = $"/v1/recoveries/{Uri.EscapeDataString(parsed.GetValue(recovery)!)}";
            var task = (await client.Call(HttpMethod.Get, $"{path}/escrow", null, cancellationToken)).Deserialize<EscrowTaskView>(WireJson.Options)!.ToTask();
            var seen = await Compare(task, parsed.GetValue(requestKey), cancellationToken);
            var answer = Make(files, task);
            Output.One(
                await client.Call(HttpMethod.Post, $"{path}/complete", new { answer, request_key = seen }, cancellationToken), parsed.GetValue(common.Json));
            return ExitCode.Done;
        });
        return command;
    }

    // Everything else in the task comes from the server, which could name a key of its own: that this one is the person's, only the person
    // can say. The fingerprint that they said; nothing was read of any key file when it is another.
    private static async Task<string> Compare(EscrowTask task, string? said, CancellationToken cancellationToken)
    {
        var read = PgpKey.Read(task.RequestKey);
        if (read.Refusal is { } unreadable)
        {
            throw Refused(unreadable);
        }

        var fingerprint = read.Value.Fingerprint;
        if (said is not null)
        {
            return PgpKeyRules.NormalFingerprint(said) == fingerprint
                ? fingerprint
                : throw Refused(new Refusal(RefusalCode.DigestMismatch, $"The server's request has another key: {fingerprint}."));
        }

        if (Console.IsInputRedirected)
        {
            throw new UsageException("Name the request's key, as the person reads it out: --request-key FINGERPRINT.");
        }

        await Console.Error.WriteAsync(
            $"Recovery {task.Recovery} gives {task.UserId} the key {task.PersonFingerprint} back.\n"
            + $"The answer opens with the request's key {fingerprint}.\nDoes the person read out this fingerprint? (yes/no) ");
        return (await Console.In.ReadLineAsync(cancellationToken))?.Trim() == "yes"
            ? fingerprint
            : throw new UsageException("Nothing was answered.");
    }

    // An access token is worth as much as the answer: nobody on the way may read it.
    private static Uri ServerOf(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var server) && (server.Scheme == Uri.UriSchemeHttps || (server.Scheme == Uri.UriSchemeHttp && server.IsLoopback))
            ? server
            : throw new UsageException("--server is an https URL; http only on this machine.");

    private static string Token(string path)
    {
        try
        {
            using var file = SecretFile.Read(path, firstLine: true);
            return Encoding.UTF8.GetString(file.Bytes).Trim();
        }
        catch (SecretFileException e)
        {
            throw new UsageException(e.Message);
        }
    }

    private static string Make(EscrowKeyFiles files, EscrowTask task)
    {
        var read = files.Read();
        if (read.Refusal is { } unreadable)
        {
            throw Refused(unreadable);
        }

        using var held = read.Value;
        var answer = task.Answer(held.Material, TimeProvider.System.GetUtcNow());
        return answer.Refusal is { } refusal ? throw Refused(refusal) : answer.Value;
    }

    // What is refused here looks as if the server had.
    private static RefusedException Refused(Refusal refusal) => new(new JsonObject
    {
        ["title"] = "The answer cannot be made",
        ["code"] = WireName.Of(refusal.Code),
        ["detail"] = refusal.Detail,
        ["errors"] = new JsonArray([.. refusal.Faults.Select(f => (JsonNode)new JsonObject { ["pointer"] = f.Pointer, ["detail"] = f.Detail })]),
    });
}
