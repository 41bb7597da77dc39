using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.Identity;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Passbolt;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>
/// Somebody wants to automate their organisation's recovery: a service of theirs pulls the requests, has them confirmed and approved
/// elsewhere, and completes them by a call that brings the key and its passphrase, with a reason that is kept. One Sparekey plays the
/// Passbolt server, the vendor's own extension is the person's browser, and another Sparekey is that service.
/// </summary>
public sealed partial class PassboltSeedTests
{
    private const string Domain = "https://passbolt.example.com";

    private static Caller Local => new(
        TenantId.Default, "local", "test", new Grant(Principal.LocalOperator, PermissionSet.All, RankOrder.Default.Highest, ExpiresAt: null));

    [Fact]
    public async Task A_request_is_pulled_confirmed_approved_and_completed_with_the_key_in_the_call()
    {
        var traces = new ConcurrentQueue<string>();
        using var listener = Listener(traces);
        await using var mails = await SmtpServer.Start();
        await using var clients = await PassboltClients.Start();
        var mail = new MailOptions("127.0.0.1", new("recovery@example.com")) { Port = mails.Port, Tls = MailTls.None };
        await using var passbolt = await RunningServer.Start(mail: mail);
        (await passbolt.Get<SetUpOpenPgpServer>().Run(Local, Domain, CancellationToken.None)).Refusal.ShouldBeNull();
        var organisation = await PassboltVectors.Key("account_recovery_organization");
        var requestKey = await PassboltVectors.Key("account_recovery_request_alternative");
        var admin = await Person(passbolt, "admin", OpenPgpRole.Admin);
        var ada = await Person(passbolt, "ada", OpenPgpRole.User);
        var carol = await Person(passbolt, "carol", OpenPgpRole.Reviewer);

        // The organisation enables escrow, and Ada enrols, as ever.
        var office = await Browser("office", admin);
        await office.SignIn(admin.Key.Passphrase);
        await office.SetPolicy("opt-in", organisation.Public, null, admin.Key.Passphrase);
        var home = await Browser("home", ada);
        await home.SignIn(ada.Key.Passphrase);
        await home.Enrol(ada.Key.Passphrase);

        // The service, with a user of its own there, and without the organisation's key.
        var companion = Protected(carol.Key, "orchard-lantern-7c1f-quarry");
        using var files = new Files(companion);
        await using var serviceMails = await SmtpServer.Start();
        await using var service = await RunningServer.Start(
            mail: mail with { Port = serviceMails.Port }, egress: new EgressOptions { PrivateHosts = ["127.0.0.1"] },
            companion: new CompanionOptions(new Uri(Domain), Guid.Parse(carol.Id, CultureInfo.InvariantCulture), files.Key, files.Passphrase) { Address = passbolt.Origin });

        // 1. Ada lost it all and asks.
        var lost = await clients.Browser("lost", Domain, passbolt.Origin, passbolt.Time);
        await lost.AskForHelp(ada.Email);
        var request = await lost.Request(await Link(ada.Email, "/setup/recover/start/"), requestKey, requestKey.Passphrase);

        // 2. It is pulled.
        await Look();
        var recovery = (await service.Get("/v1/recoveries", service.AdminToken)).Json!["recoveries"]![0]!;
        var id = recovery["id"]!.ToString();
        (recovery["means"]!.ToString(), recovery["state"]!.ToString(), recovery["request_key"]!.ToString()).ShouldBe(("escrow", "pending", requestKey.Fingerprint));

        // 3. The desk writes down why; the person confirms with the mail that she got; two people are not one.
        var desk = await service.Token("desk", ["recovery:request", "recovery:complete", "recovery:read"], "admin");
        var reason = await service.Post($"/v1/recoveries/{id}/reason", new { code = "lost_laptop", text = "Left it on a train", ticket = "HD-4711" }, desk);
        reason.Status.ShouldBe(200, reason.Text);
        (await service.Post($"/v1/recoveries/{id}/complete", KeyBody(), desk)).Code.ShouldBe("requirements_open");
        var asked = (await service.Mails(serviceMails, 1, "/recover/confirm#")).Last(m => m.To.Contains(ada.Email) && m.Text.Contains("/recover/confirm#", StringComparison.Ordinal));
        var token = ConfirmLink().Match(asked.Text).Groups["token"].Value;
        var digest = (await service.Get($"/v1/recoveries/{id}", desk))["decision_digest"];
        var confirmed = await service.Post("/v1/confirmations", new { token, digest, answer = "yes" });
        confirmed.Status.ShouldBe(200, confirmed.Text);
        var chief = await service.TokenOf(await service.Account("chief@example.com", role: "operator"), "chief", ["recovery:approve"]);
        (await service.Post($"/v1/recoveries/{id}/approvals", new { digest, request_key = organisation.Fingerprint }, chief)).Status
            .ShouldBe(409, "They read out another fingerprint.");
        var approved = await service.Post($"/v1/recoveries/{id}/approvals", new { digest, request_key = requestKey.Fingerprint }, chief);
        (approved.Status, approved["state"]).ShouldBe((200, "ready"), approved.Text);

        // 4. The call brings the key; the answer goes there.
        var completed = await service.Post($"/v1/recoveries/{id}/complete", KeyBody(), desk, idempotencyKey: "complete-4711");
        (completed.Status, completed["state"]).ShouldBe((200, "completed"), completed.Text);
        await Look();

        // 5. Ada goes on in the browser in which she asked, and has the same key as ever.
        var recovered = await lost.Recover(await Link(ada.Email, "/account-recovery/continue/"), requestKey.Passphrase);
        recovered.ShouldBe(ada.Key.Fingerprint);
        await lost.SignInRecovered(requestKey.Passphrase);
        (await lost.Me())["id"]!.ToString().ShouldBe(ada.Id);

        // 6. Who, what and why stand in the ledger.
        var entries = (await service.Get($"/v1/ledger?recovery={id}&limit=500", service.AdminToken)).Json!["entries"]!.AsArray();
        JsonNode Entry(string happened) => entries.Last(e => e!["entry"]!["event"]!.ToString() == happened)!;
        string? RequestKeyOf(JsonNode? entry) => entry!["entry"]!["facts"]!["request_key"]?.ToString();
        Entry("recovery_reason_added")["texts"]!["ticket"]!["text"]!.ToString().ShouldBe("HD-4711");
        Entry("recovery_reason_added")["texts"]!["reason"]!["text"]!.ToString().ShouldBe("Left it on a train");
        entries.Count(e => e!["entry"]!["event"]!.ToString() == "recovery_requirement_met" && RequestKeyOf(e) == requestKey.Fingerprint).ShouldBe(2);
        RequestKeyOf(Entry("recovery_completed")).ShouldBe(requestKey.Fingerprint);
        string? ActorOf(JsonNode? entry) => entry!["entry"]!["actor"]!["kind"] + ":" + entry["entry"]!["actor"]!["id"];
        var met = entries.Where(e => e!["entry"]!["event"]!.ToString() == "recovery_requirement_met").ToDictionary(
            e => e!["entry"]!["facts"]!["requirement"]!.ToString(), ActorOf, StringComparer.Ordinal);
        var wrote = ActorOf(Entry("recovery_reason_added"));
        wrote.ShouldNotBeNull().ShouldStartWith("service_account:");
        ActorOf(Entry("recovery_completed")).ShouldBe(wrote, "The desk wrote why, and completed.");
        met.Values.ShouldContain($"account:{recovery["account_id"] ?? recovery["account"]}", "The person confirmed.");
        met.Values.Distinct(StringComparer.Ordinal).Count().ShouldBe(2, "And somebody else approved.");
        met.Values.ShouldNotContain(wrote);
        var told = Entry("companion_answer_told")["entry"]!["facts"]!;
        (told["outcome"]!.ToString(), told["remote_request"]!.ToString()).ShouldBe(("posted", request));

        // 7. Nothing that is secret stands anywhere.
        var clear = await Inside();
        traces.ShouldContain(t => t.Contains("/complete", StringComparison.Ordinal));
        var said = string.Join('\n', traces.Concat((await passbolt.Mails(mails, 1)).Concat(await service.Mails(serviceMails, 1)).Select(m => m.Text)));
        var line = organisation.Private.Split('\n').Select(l => l.Trim()).Last(l => l.Length >= 60 && !organisation.Public.Contains(l, StringComparison.Ordinal));
        foreach (var server in new[] { service, passbolt })
        {
            // Records of calls with an idempotency key are clear in the database, and there is none of a call that brings keys. Mails are sealed
            // there, and read here as they came.
            var kept = await server.Get<Acts>().Read(db => db.List<string>("SELECT route || ' ' || body FROM idempotency"), CancellationToken.None);
            kept.ShouldNotContain(k => k.Contains("/complete", StringComparison.Ordinal));
            var everything = said + string.Join('\n', kept) + string.Concat((await TestPlaces.Stored(server.Folder)).Select(f => Encoding.Latin1.GetString(f.Bytes)))
                + string.Join('\n', server.LogLines) + string.Join('\n', server.Answers);
            foreach (var secret in new[] { clear, organisation.Passphrase, companion.Passphrase, "BEGIN PGP PRIVATE KEY", line })
            {
                everything.ShouldNotContain(secret);
            }
        }

        object KeyBody() => new { key = organisation.Private, passphrase = organisation.Passphrase };

        async Task<PassboltExtension> Browser(string name, Known person)
        {
            var browser = await clients.Browser(name, Domain, passbolt.Origin, passbolt.Time);
            await browser.Install(person.Key, person.Id, person.Email, "Person", "Example");
            return browser;
        }

        // Mail makes the clocks go; both machines have the same time.
        async Task Look()
        {
            if (passbolt.Time.GetUtcNow() > service.Time.GetUtcNow())
            {
                service.Time.SetUtcNow(passbolt.Time.GetUtcNow());
            }
            else
            {
                passbolt.Time.SetUtcNow(service.Time.GetUtcNow());
            }

            var looked = await service.Post("/v1/passbolt/companion/look", null, service.AdminToken);
            (looked.Status, looked.Json!["fault"]?.ToString()).ShouldBe((200, null), looked.Text);
        }

        async Task<string> Link(string to, string path)
        {
            var received = await passbolt.Mails(mails, 1, Domain + path);
            var text = received.Last(m => m.To.Contains(to)).Text;
            return text[text.IndexOf(Domain + path, StringComparison.Ordinal)..].Split([' ', '\r', '\n', '<', '>', '"'], 2)[0];
        }

        // The secret of the escrow, as the organisation's key opens it.
        async Task<string> Inside()
        {
            var row = await office.Fetch("GET", $"/account-recovery/requests/{request}.json?contain[account_recovery_private_key_passwords]=1");
            var message = row["json"]!["body"]!["account_recovery_private_key"]!["account_recovery_private_key_passwords"]![0]!["data"]!.ToString();
            using var key = PassboltStandIn.Open(organisation) is var opened ? PgpMessages.Decrypt(message, opened, [], passbolt.Time.GetUtcNow()).Value : null!;
            using var secret = EscrowSecret.Read(key.Bytes).Value;
            return Encoding.UTF8.GetString(secret.Secret);
        }
    }

    // The vendor's passphrase is the address in the public key, which is no secret.
    private static PassboltKey Protected(PassboltKey key, string passphrase)
    {
        using var opened = PgpSecretKey.Open(Encoding.UTF8.GetBytes(key.Private), Encoding.UTF8.GetBytes(key.Passphrase)).Value;
        using var exported = opened.ExportProtected(Encoding.UTF8.GetBytes(passphrase));
        return key with { Private = Encoding.ASCII.GetString(exported.Span), Passphrase = passphrase };
    }

    private static ActivityListener Listener(ConcurrentQueue<string> traces)
    {
        var listener = new ActivityListener
        {
            ShouldListenTo = _ => true,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = a => traces.Enqueue(string.Join('\n', a.TagObjects.Concat(a.Events.SelectMany(e => e.Tags)).Select(t => $"{a.DisplayName} {t.Key} {t.Value}"))),
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }

    private static async Task<Known> Person(RunningServer server, string vector, OpenPgpRole role)
    {
        var key = await PassboltVectors.Key(vector);
        var made = await server.Get<ImportOpenPgpPerson>().Run(
            Local, new NewOpenPgpPerson($"{vector}@example.com", "Person", "Example", role), key.Public, CancellationToken.None);
        made.Refusal.ShouldBeNull();
        return new Known(made.Value.Id.ToString(), $"{vector}@example.com", key);
    }

    [GeneratedRegex(@"/recover/confirm#(?<token>[A-Za-z0-9_.\-~]+)", RegexOptions.NonBacktracking)]
    private static partial Regex ConfirmLink();

    private sealed record Known(string Id, string Email, PassboltKey Key);

    private sealed class Files : IDisposable
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("sparekey-seed-").FullName;

        public Files(PassboltKey key)
        {
            (Key, Passphrase) = (Path.Combine(_folder, "user.asc"), Path.Combine(_folder, "user.pass"));
            foreach (var (file, content) in new[] { (Key, key.Private), (Passphrase, key.Passphrase) })
            {
                File.WriteAllText(file, content);
                File.SetUnixFileMode(file, UnixFileMode.UserRead);
            }
        }

        public string Key { get; }

        public string Passphrase { get; }

        public void Dispose() => Directory.Delete(_folder, recursive: true);
    }
}
