using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;

namespace Sparekey.Server.Cli;

/// <summary><c>escrow</c>: the policy, who is enrolled, rotation, disabling, drills.</summary>
internal static class EscrowCommands
{
    /// <summary>Adds the commands.</summary>
    /// <param name="root">The root.</param>
    /// <param name="common">The options every command has.</param>
    public static void AddTo(RootCommand root, CommonOptions common)
    {
        var escrow = new Command("escrow", "People's private keys, which the organisation's key can give back to them.")
        {
            common.Command("status", "How it stands as a whole.", async (_, client, json, token) =>
                Output.One(await client.Call(HttpMethod.Get, "/v1/escrow", null, token), json)),
            Policy(common),
            Enrolments(common),
            Disable(common),
            Undo(common),
            EscrowRotationCommands.Rotate(common),
            EscrowRotationCommands.Rotation(common),
            EscrowDrillCommands.Drill(common),
            EscrowAnswerCommand.Make(common),
        };
        root.Add(escrow);
    }

    /// <summary>A public key from a file, as the API takes it.</summary>
    /// <param name="path">The file; null for none.</param>
    /// <param name="token">Gives up.</param>
    public static async Task<object?> Key(string? path, CancellationToken token) =>
        path is null ? null : new { armored_key = await File.ReadAllTextAsync(path, token) };

    private static Command Policy(CommonOptions common)
    {
        var mode = new Option<string>("--mode") { Description = "disabled, mandatory, opt_in or opt_out.", Required = true };
        var key = new Option<string?>("--key") { Description = "The file of the organisation's public key, to enable escrow." };
        var revoked = new Option<string?>("--revoked-key") { Description = "The file of the public key with its revocation, to disable escrow." };
        return new Command("policy", "What the organisation wants.")
        {
            common.Command("show", "Shows it.", async (_, client, json, token) =>
                Output.One(await client.Call(HttpMethod.Get, "/v1/escrow/policy", null, token), json)),
            common.Command(
                "set", "Enables escrow, or changes its mode.",
                async (parsed, client, json, token) =>
                {
                    var wanted = parsed.GetValue(mode)!.Replace('-', '_');
                    var current = await client.Call(HttpMethod.Get, "/v1/escrow/policy", null, token);
                    var keeps = parsed.GetValue(key) is null && wanted != WireName.Of(EscrowMode.Disabled);
                    Output.One(
                        await client.Call(
                            HttpMethod.Put, "/v1/escrow/policy",
                            new
                            {
                                mode = wanted,
                                key_id = keeps ? (string?)current?["key"]?["id"] : null,
                                new_key = await Key(parsed.GetValue(key), token),
                                revoked_key = await Key(parsed.GetValue(revoked), token),
                            },
                            token),
                        json);
                },
                mode, key, revoked),
        };
    }

    private static Command Enrolments(CommonOptions common)
    {
        var status = new Option<string?>("--status") { Description = "approved or rejected." };
        var stale = new Option<bool>("--stale") { Description = "Only those whose person has another key by now." };
        var limit = new Option<int?>("--limit") { Description = "How many at most." };
        var cursor = new Option<string?>("--cursor") { Description = "Where the last page ended." };
        var account = new Argument<string>("account") { Description = "The account's id." };
        return new Command("enrolments", "What people said.")
        {
            common.Command(
                "list", "Lists it, oldest first.",
                async (parsed, client, json, token) => Output.Many(
                    await client.Call(
                        HttpMethod.Get,
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"/v1/escrow/enrolments?limit={parsed.GetValue(limit) ?? 50}&status={parsed.GetValue(status)}&stale={(parsed.GetValue(stale) ? "true" : "")}&cursor={parsed.GetValue(cursor)}"),
                        null, token),
                    "enrolments", ["account_id", "status", "fingerprint", "stale", "modified_at"], json),
                status, stale, limit, cursor),
            common.Command(
                "show", "What one person said.",
                async (parsed, client, json, token) => Output.One(
                    await client.Call(HttpMethod.Get, $"/v1/escrow/enrolments/{Uri.EscapeDataString(parsed.GetValue(account)!)}", null, token), json),
                account),
            common.Command(
                "remove", "Ends an enrolment, as if the person had said nothing.",
                async (parsed, client, json, token) => Output.One(
                    await client.Call(HttpMethod.Delete, $"/v1/escrow/enrolments/{Uri.EscapeDataString(parsed.GetValue(account)!)}", null, token), json),
                account),
        };
    }

    private static Command Disable(CommonOptions common)
    {
        var revoked = new Option<string?>("--revoked-key") { Description = "The file of the organisation's public key with its revocation; without one the key is only put out of use." };
        return common.Command(
            "disable", "Disables escrow. For a while that can be undone.",
            async (parsed, client, json, token) => Output.One(
                await client.Call(
                    HttpMethod.Post, "/v1/escrow/disable", new { revoked_key = await Key(parsed.GetValue(revoked), token) }, token),
                json),
            revoked);
    }

    private static Command Undo(CommonOptions common)
    {
        var policy = new Option<string?>("--policy") { Description = "The policy that disabled escrow, by its id; the last one when absent." };
        return common.Command(
            "undo", "Brings back what was there before escrow was disabled.",
            async (parsed, client, json, token) => Output.One(
                await client.Call(HttpMethod.Post, "/v1/escrow/undo", new { policy_id = parsed.GetValue(policy) }, token), json),
            policy);
    }
}

/// <summary><c>escrow rotate</c> and <c>escrow rotation</c>.</summary>
internal static class EscrowRotationCommands
{
    private const int AtATime = 100;
    private const int MostIdle = 3;

    /// <summary><c>escrow rotate</c>: rotates where the key is.</summary>
    /// <param name="common">The options every command has.</param>
    public static Command Rotate(CommonOptions common)
    {
        var next = new Option<string>("--new-key") { Description = "The file of the next organisation key's public half.", Required = true };
        var old = new Option<string?>("--old-key") { Description = "The file of the private key in force (mode 0600 or 0400); absent where the server holds it, and does the work." };
        var passphrase = new Option<string?>("--old-passphrase-file") { Description = "The file of its passphrase." };
        var reviewer = new Option<string?>("--reviewer-key") { Description = "The file of a private key that signs besides." };
        var reviewerPassphrase = new Option<string?>("--reviewer-passphrase-file") { Description = "The file of its passphrase." };
        var mode = new Option<string?>("--mode") { Description = "Another mode besides: mandatory, opt_in or opt_out." };
        return common.Command(
            "rotate", "Puts another organisation key in force. It can be stopped and run again at any point.",
            async (parsed, client, json, token) =>
            {
                if (parsed.GetValue(old) is not { } oldFile)
                {
                    // The server works with its own files, and changes no mode by itself: what it would pass over is refused.
                    if (new Option[] { passphrase, reviewer, reviewerPassphrase, mode }.FirstOrDefault(o => parsed.GetResult(o) is not null) is { } left)
                    {
                        throw new UsageException($"{left.Name} goes with --old-key only.");
                    }

                    Output.One(await Start(client, parsed.GetValue(next)!, token), json);
                    return;
                }

                using var organisation = KeyFile.Open(oldFile, parsed.GetValue(passphrase));
                using var signs = parsed.GetValue(reviewer) is { } file ? KeyFile.Open(file, parsed.GetValue(reviewerPassphrase)) : null;
                if (await InForce(client, parsed.GetValue(next)!, organisation, token) is { } policy)
                {
                    Output.One(policy, json);
                    return;
                }

                await Start(client, parsed.GetValue(next)!, token);
                Output.One(await Run(client, organisation, signs, parsed.GetValue(mode)?.Replace('-', '_'), token), json);
            },
            next, old, passphrase, reviewer, reviewerPassphrase, mode);
    }

    /// <summary><c>escrow rotation</c>: the one that goes on.</summary>
    /// <param name="common">The options every command has.</param>
    public static Command Rotation(CommonOptions common) => new("rotation", "The rotation that goes on, or the last one.")
    {
        common.Command("show", "Shows how far it is.", async (_, client, json, token) =>
            Output.One(await client.Call(HttpMethod.Get, "/v1/escrow/rotation", null, token), json)),
        common.Command("cancel", "Gives it up: nothing has changed.", async (_, client, json, token) =>
        {
            var rotation = await client.Call(HttpMethod.Get, "/v1/escrow/rotation", null, token);
            Output.One(await client.Call(HttpMethod.Delete, $"/v1/escrow/rotation/{(string?)rotation!["id"]}", null, token), json);
        }),
    };

    private static async Task<JsonNode?> Start(LocalClient client, string next, CancellationToken token) =>
        await client.Call(HttpMethod.Post, "/v1/escrow/rotation", new { new_key = await EscrowCommands.Key(next, token) }, token);

    // Where a former call made the switch and could not say so: the policy with the next key.
    private static async Task<JsonNode?> InForce(LocalClient client, string next, PgpSecretKey former, CancellationToken token)
    {
        var key = PgpKey.Read(await File.ReadAllTextAsync(next, token));
        var policy = await client.Call(HttpMethod.Get, "/v1/escrow/policy", null, token);
        if (key.Refusal is not null || (string?)policy?["key"]?["fingerprint"] != key.Value.Fingerprint)
        {
            return null;
        }

        var keys = (await client.Call(HttpMethod.Get, "/v1/escrow/keys", null, token))!["keys"]!.AsArray();
        return keys.Any(k => (string?)k!["fingerprint"] == former.Public.Fingerprint && (string?)k["state"] == WireName.Of(EscrowKeyState.Revoked))
            ? policy
            : null;
    }

    private static async Task<JsonNode?> Run(
        LocalClient client, PgpSecretKey organisation, PgpSecretKey? reviewer, string? mode, CancellationToken token)
    {
        var rotation = (await client.Call(HttpMethod.Get, "/v1/escrow/rotation", null, token))!;
        var path = $"/v1/escrow/rotation/{(string?)rotation["id"]}";
        var revoked = PgpRevocation.Revoke(organisation, TimeProvider.System.GetUtcNow());
        for (var idle = 0; ;)
        {
            var (done, stuck) = await StageAll(client, path, organisation, reviewer, token);
            idle = done > 0 ? 0 : idle + 1;
            if (stuck.Count > 0)
            {
                throw new UsageException(
                    $"These escrows cannot be opened, and stand in the way; remove them (escrow enrolments remove) and their people enrol anew:\n{string.Join('\n', stuck)}");
            }

            try
            {
                return await client.Call(
                    HttpMethod.Post, $"{path}/finish", new { revoked_key = new { armored_key = revoked }, mode }, token);
            }
            catch (RefusedException e) when ((string?)e.Problem["code"] == WireName.Of(RefusalCode.RotationUnfinished) && idle < MostIdle)
            {
                // Somebody enrolled meanwhile, or enrolled anew: what came in behind is done from the beginning.
            }
        }
    }

    private static async Task<(int Done, List<string> Stuck)> StageAll(
        LocalClient client, string path, PgpSecretKey organisation, PgpSecretKey? reviewer, CancellationToken token)
    {
        EscrowRewrapping? rewrapping = null;
        var (done, stuck) = (0, new List<string>());
        for (var after = ""; ;)
        {
            var part = (await client.Call(HttpMethod.Get, string.Create(CultureInfo.InvariantCulture, $"{path}/messages?limit={AtATime}&after={after}"), null, token))!;
            var messages = part["messages"]!.AsArray();
            if (messages.Count == 0)
            {
                return (done, stuck);
            }

            rewrapping ??= Prepare(part, organisation, reviewer);
            foreach (var message in messages)
            {
                if (await Stage(client, path, rewrapping, message!, token) is { } fault)
                {
                    stuck.Add($"{(string?)message!["account_id"]}: {fault}");
                }

                done++;
                after = (string)message!["private_key_id"]!;
            }
        }
    }

    private static EscrowRewrapping Prepare(JsonNode part, PgpSecretKey organisation, PgpSecretKey? reviewer)
    {
        var work = new RewrappingWork(
            (string)part["rotation"]!["from"]!["fingerprint"]!, (string)part["rotation"]!["to"]!["armored_key"]!,
            [.. part["organisation_keys"]!.AsArray().Select(k => (string)k!)], [.. part["domains"]!.AsArray().Select(d => (string)d!)]);
        var made = EscrowRewrapping.For(work, organisation, reviewer, TimeProvider.System.GetUtcNow());
        return made.Refusal is { } refused ? throw new UsageException(refused.Detail ?? WireName.Of(refused.Code)) : made.Value;
    }

    // What is wrong with the message there is; null where one to the next key is there now, or none is needed any more.
    private static async Task<string?> Stage(
        LocalClient client, string path, EscrowRewrapping rewrapping, JsonNode message, CancellationToken token)
    {
        var made = rewrapping.Run(
            (string)message["data"]!, Ids.Parse<AccountId>((string)message["account_id"]!), (string)message["fingerprint"]!, (string?)message["person_key"],
            TimeProvider.System.GetUtcNow());
        if (made.Refusal is { } refused)
        {
            return refused.Detail ?? WireName.Of(refused.Code);
        }

        try
        {
            await client.Call(HttpMethod.Put, $"{path}/messages/{(string?)message["id"]}", new { data = made.Value }, token);
        }
        catch (RefusedException e) when ((string?)e.Problem["code"] == WireName.Of(RefusalCode.EnrolmentNotFound))
        {
            // The person withdrew, or enrolled anew, which comes up again.
        }

        return null;
    }
}

/// <summary><c>escrow drill</c>.</summary>
internal static class EscrowDrillCommands
{
    /// <summary>The commands.</summary>
    /// <param name="common">The options every command has.</param>
    public static Command Drill(CommonOptions common)
    {
        var key = new Option<string?>("--key") { Description = "The file of the organisation's private key (mode 0600 or 0400); absent where the server holds it, or it lies elsewhere." };
        var passphrase = new Option<string?>("--passphrase-file") { Description = "The file of its passphrase." };
        var drill = common.Command(
            "drill", "Makes a test escrow, and opens it where the key is at hand.",
            async (parsed, client, json, token) =>
            {
                // Opened first: a drill that nobody can answer is not begun by a mistyped file name.
                using var organisation = parsed.GetValue(key) is { } file ? KeyFile.Open(file, parsed.GetValue(passphrase)) : null;
                var started = (await client.Call(HttpMethod.Post, "/v1/escrow/drills", null, token))!;
                Output.One(organisation is null ? started : await Answer(client, (string)started["drill"]!["id"]!, Prove(started, organisation), token), json);
            },
            key, passphrase);
        drill.Add(common.Command("list", "The last drills, newest first.", async (_, client, json, token) =>
            Output.Many(await client.Call(HttpMethod.Get, "/v1/escrow/drills", null, token), "drills", ["id", "state", "started_at", "ended_at", "ended_by"], json)));
        drill.Add(Open());
        var id = new Argument<string>("drill") { Description = "The drill's id." };
        var proof = new Argument<string>("proof") { Description = "What the test escrow held." };
        drill.Add(common.Command(
            "answer", "Takes what the test escrow held.",
            async (parsed, client, json, token) => Output.One(await Answer(client, parsed.GetValue(id)!, parsed.GetValue(proof)!, token), json), id, proof));
        return drill;
    }

    // Needs no server: where the key lies there may be none.
    private static Command Open()
    {
        var file = new Argument<string>("file") { Description = "What the drill answered, as JSON." };
        var key = new Option<string>("--key") { Description = "The file of the organisation's private key (mode 0600 or 0400).", Required = true };
        var passphrase = new Option<string?>("--passphrase-file") { Description = "The file of its passphrase." };
        var open = new Command("open", "Opens a test escrow where the key is, and prints what it held.") { file, key, passphrase };
        open.SetAction(async (parsed, token) =>
        {
            using var organisation = KeyFile.Open(parsed.GetValue(key)!, parsed.GetValue(passphrase));
            var started = JsonNode.Parse(await File.ReadAllTextAsync(parsed.GetValue(file)!, token))!;
            await Console.Out.WriteLineAsync(Prove(started, organisation));
            return ExitCode.Done;
        });
        return open;
    }

    private static string Prove(JsonNode started, PgpSecretKey organisation)
    {
        var proof = new TestEscrow((string)started["password"]!, (string)started["blob"]!).Prove(organisation, TimeProvider.System.GetUtcNow());
        return proof.Refusal is { } refused ? throw new UsageException($"The key does not open the test escrow: {refused.Detail}") : proof.Value;
    }

    private static Task<JsonNode?> Answer(LocalClient client, string drill, string proof, CancellationToken token) =>
        client.Call(HttpMethod.Post, $"/v1/escrow/drills/{Uri.EscapeDataString(drill)}/answer", new { proof }, token);
}
