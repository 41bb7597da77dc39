using System.Buffers.Text;
using System.Text;
using System.Text.Json.Nodes;
using Sparekey.Testing;
using static Sparekey.Server.Tests.Dialects.DfnsScene;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>A valid recovery with one thing changed, and what Dfns's contract answers to it.</summary>
public sealed class DfnsRecoveryTests(DfnsFixture fixture) : IClassFixture<DfnsFixture>, IAsyncLifetime
{
    private readonly RunningServer _server = fixture.Server;
    private readonly DfnsScene _scene = fixture.Scene;
    private readonly string _email = fixture.NewPerson();
    private JsonNode _kit = null!;

    public async ValueTask InitializeAsync() => _kit = await _scene.Register(Passkey(_email), _email);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Theory]
    [InlineData("type", "key.create", 401, "Recovery signature is not valid.")]
    [InlineData("type", "webauthn.get", 401, "Recovery signature is not valid.")]
    [InlineData("origin", "https://evil.example.com", 401, "Recovery signature is not valid.")]
    [InlineData("origin", "http://localhost:3000/", 401, "Recovery signature is not valid.")]
    [InlineData("topOrigin", "http://localhost:3000", 401, "Recovery signature is not valid.")]
    [InlineData("challenge", "%%%", 400, "Signed credentials do not match newCredentials.")]
    [InlineData("challenge", "e30", 400, "Signed credentials do not match newCredentials.")]
    [InlineData("challenge", "e30=", 400, "Signed credentials do not match newCredentials.")]
    public async Task What_the_recovery_key_signed_is_for_this_here_and_now(string member, string value, int status, string message)
    {
        var begun = await _scene.BeginRecovery(_kit, _email);
        var (credentials, _) = await _scene.NewCredentials(begun, Passkey("new"));

        var refused = await Complete(begun, await _scene.Recovery(begun, _kit, credentials, new Dictionary<string, object> { [member] = value }));
        Refused(refused, status, message);
        await Succeeds(begun, await _scene.Recovery(begun, _kit, credentials)); // Nothing was burned.
    }

    [Fact]
    public async Task A_frame_of_another_page_is_refused_and_a_program_without_an_origin_is_not()
    {
        var begun = await _scene.BeginRecovery(_kit, _email);
        var (credentials, _) = await _scene.NewCredentials(begun, Passkey("new"));

        Refused(
            await Complete(begun, await _scene.Recovery(begun, _kit, credentials, new { crossOrigin = true })), 401, "Recovery signature is not valid.");
        await Succeeds(begun, await _scene.Recovery(begun, _kit, credentials, new { origin = (string?)null, crossOrigin = false }), refused: true);
    }

    [Fact]
    public async Task The_signature_is_over_the_bytes_that_came()
    {
        var begun = await _scene.BeginRecovery(_kit, _email);
        var (credentials, _) = await _scene.NewCredentials(begun, Passkey("new"));
        var body = await _scene.Recovery(begun, _kit, credentials);
        var assertion = body["recovery"]!["credentialAssertion"]!.AsObject();
        var client = Base64Url.DecodeFromChars(assertion["clientData"]!.ToString());
        var signature = Base64Url.DecodeFromChars(assertion["signature"]!.ToString());

        assertion["clientData"] = Base64Url.EncodeToString([.. client, (byte)' ']);
        Refused(await Complete(begun, body), 401, "Recovery signature is not valid.");
        assertion["clientData"] = Base64Url.EncodeToString(client);
        assertion["signature"] = Base64Url.EncodeToString([.. signature[..^1], (byte)(signature[^1] ^ 1)]);
        Refused(await Complete(begun, body), 401, "Recovery signature is not valid.");
        assertion["signature"] = Base64Url.EncodeToString(signature);
        assertion["algorithm"] = "SHA512";
        Refused(await Complete(begun, body), 401, "Recovery signature is not valid.");

        // Padded as some clients write it, and the same signature.
        assertion["algorithm"] = "SHA256";
        assertion["clientData"] = Padded(assertion["clientData"]!.ToString());
        assertion["signature"] = Padded(assertion["signature"]!.ToString());
        await Succeeds(begun, body);
    }

    [Fact]
    public async Task The_order_of_members_does_not_matter_and_every_other_difference_does()
    {
        var begun = await _scene.BeginRecovery(_kit, _email);
        var (credentials, _) = await _scene.NewCredentials(begun, Passkey("new"));
        var body = await _scene.Recovery(begun, _kit, credentials);

        foreach (var change in new Action<JsonObject>[]
                 {
                     sent => sent["firstFactorCredential"]!["credentialInfo"]!["credId"] = "other",
                     sent => sent.Remove("recoveryCredential"),
                     sent => sent["secondFactorCredential"] = sent["firstFactorCredential"]!.DeepClone(),
                     sent => sent["recoveryCredential"]!["encryptedPrivateKey"] = "",
                     sent => sent["note"] = "more",
                 })
        {
            var changed = (JsonObject)body.DeepClone();
            change(changed["newCredentials"]!.AsObject());
            Refused(await Complete(begun, changed), 400, "Signed credentials do not match newCredentials.");
        }

        // A member twice is one thing to one reader and another to the next.
        var twice = """{"firstFactorCredential":{},"firstFactorCredential":""" + credentials["firstFactorCredential"]!.ToJsonString() + "}";
        Refused(await Complete(begun, await _scene.Recovery(begun, _kit, credentials, text: twice)), 400, "Signed credentials do not match newCredentials.");

        var reordered = (JsonObject)body.DeepClone();
        reordered["newCredentials"] = new JsonObject(credentials.Reverse().Select(m => KeyValuePair.Create(m.Key, m.Value!.DeepClone()))!);
        await Succeeds(begun, reordered);
    }

    [Fact]
    public async Task Only_the_recovery_key_that_was_asked_for_recovers()
    {
        var other = await _scene.Register(Passkey("other " + _email), "other-" + _email);
        var begun = await _scene.BeginRecovery(_kit, _email);
        var (credentials, _) = await _scene.NewCredentials(begun, Passkey("new"));
        var body = await _scene.Recovery(begun, _kit, credentials);

        foreach (var id in new[] { other["credId"]!.ToString(), "unknown", "UD0JMSTP" })
        {
            var changed = (JsonObject)body.DeepClone();
            changed["recovery"]!["credentialAssertion"]!["credId"] = id;
            Refused(await Complete(begun, changed), 401, "Credential cannot be used as a recovery factor.");
        }

        Refused(await Portal("createDelegatedRecoveryChallenge", new { username = _email, credentialId = other["credId"]!.ToString() }), 401, "Credential cannot be used as a recovery factor.");
        Refused(await Portal("createDelegatedRecoveryChallenge", new { username = "nobody@example.com", credentialId = "x" }), 401, "User not found");
    }

    [Fact]
    public async Task New_credentials_answer_the_challenge_of_this_recovery_and_are_of_the_right_kind()
    {
        var other = await _scene.BeginRecovery(_kit, _email);
        var begun = await _scene.BeginRecovery(_kit, _email);

        var (stale, _) = await _scene.NewCredentials(other, Passkey("stale"));
        Refused(await Complete(begun, await _scene.Recovery(begun, _kit, stale)), 400, "Challenge is not valid.");

        var (credentials, _) = await _scene.NewCredentials(begun, Passkey("new"));
        var swapped = new JsonObject { ["firstFactorCredential"] = credentials["recoveryCredential"]!.DeepClone() };
        Refused(await Complete(begun, await _scene.Recovery(begun, _kit, swapped)), 400, "Attestation is not valid.");
        var wrongPlace = (JsonObject)credentials.DeepClone();
        wrongPlace["recoveryCredential"] = credentials["firstFactorCredential"]!.DeepClone();
        Refused(await Complete(begun, await _scene.Recovery(begun, _kit, wrongPlace)), 400, "Attestation is not valid.");
        var elsewhere = await _scene.Create(new { kind = "webauthn", device = "elsewhere", origin = "http://localhost:4000", rp = new { id = "localhost", name = "x" } }, begun);
        Refused(await Complete(begun, await _scene.Recovery(begun, _kit, new JsonObject { ["firstFactorCredential"] = elsewhere!.DeepClone() })), 400, "Attestation is not valid.");

        // The old recovery key is never taken again, not even to replace itself.
        var again = (JsonObject)credentials.DeepClone();
        again["recoveryCredential"] = (await _scene.Node.Call(new
        {
            op = "attest", kind = "RecoveryKey", pem = _scene.ProgrammeKey, credId = _kit["credId"]!.ToString(), challenge = begun["challenge"]!.ToString(),
        }))!.DeepClone();
        Refused(await Complete(begun, await _scene.Recovery(begun, _kit, again)), 409, "Credential already exists.");
        await Succeeds(begun, await _scene.Recovery(begun, _kit, credentials));
    }

    [Fact]
    public async Task The_raw_challenge_is_accepted_as_well_as_the_encoded_one()
    {
        var begun = await _scene.BeginRecovery(_kit, _email);
        var first = await _scene.Create(BrowserKey("page"), begun); // Writes the challenge raw.
        Encoding.UTF8.GetString(Base64Url.DecodeFromChars(first!["credentialInfo"]!["clientData"]!.ToString())).ShouldContain(begun["challenge"]!.ToString());

        await Succeeds(begun, await _scene.Recovery(begun, _kit, new JsonObject { ["firstFactorCredential"] = first.DeepClone() }));
    }

    [Fact]
    public async Task Five_wrong_signatures_end_it_and_a_failed_passkey_ends_nothing()
    {
        var begun = await _scene.BeginRecovery(_kit, _email);
        var (stale, _) = await _scene.NewCredentials(await _scene.BeginRecovery(_kit, _email), Passkey("stale"));
        for (var i = 0; i < 8; i++)
        {
            Refused(await Complete(begun, await _scene.Recovery(begun, _kit, stale)), 400, "Challenge is not valid.");
        }

        var (credentials, _) = await _scene.NewCredentials(begun, Passkey("new"));
        var forged = await _scene.Recovery(begun, _kit, credentials, new { type = "key.other" });
        for (var i = 0; i < 5; i++)
        {
            Refused(await Complete(begun, forged), 401, "Recovery signature is not valid.");
        }

        var ended = await Complete(begun, await _scene.Recovery(begun, _kit, credentials));
        Refused(ended, 429, "Too many attempts.");
        ended.Headers.RetryAfter.ShouldNotBeNull();
        await Succeeds(await _scene.BeginRecovery(_kit, _email), null); // Another one can be opened.
    }

    [Fact]
    public async Task A_recovery_is_completed_once_by_one_of_a_thousand()
    {
        var begun = await _scene.BeginRecovery(_kit, _email);
        var bodies = new List<JsonObject>();
        for (var i = 0; i < 10; i++)
        {
            var (credentials, _) = await _scene.NewCredentials(begun, Passkey($"new {i}"));
            bodies.Add(await _scene.Recovery(begun, _kit, credentials));
        }

        var texts = bodies.ConvertAll(b => b.ToJsonString());
        var token = begun["temporaryAuthenticationToken"]!.ToString();
        var answers = await Task.WhenAll(Enumerable.Range(0, 1000).Select(i => _server.Send("POST", "/auth/recover/user", texts[i % texts.Count], token)));

        answers.Count(a => a.Status == 200).ShouldBe(1);
        answers.Where(a => a.Status != 200).ShouldAllBe(a => a.Status == 401);
        var winner = bodies[Array.FindIndex(answers, a => a.Status == 200) % bodies.Count]["newCredentials"]!;
        var account = (await _server.Get($"/v1/accounts?email={_email}", _server.AdminToken)).Json!["accounts"]![0]!["id"]!.ToString();
        var held = (await _server.Get($"/v1/accounts/{account}/credentials", _server.AdminToken)).Json!["items"]!.AsArray();
        held.Select(c => c!["external_id"]!.ToString()).ShouldBe(
            [winner["firstFactorCredential"]!["credentialInfo"]!["credId"]!.ToString(), winner["recoveryCredential"]!["credentialInfo"]!["credId"]!.ToString()],
            ignoreOrder: true);
    }

    [Fact]
    public async Task Nothing_but_the_recoverys_own_token_completes_it()
    {
        var begun = await _scene.BeginRecovery(_kit, _email);
        var (credentials, _) = await _scene.NewCredentials(begun, Passkey("new"));
        var body = (await _scene.Recovery(begun, _kit, credentials)).ToJsonString();
        var token = begun["temporaryAuthenticationToken"]!.ToString();
        var parts = token.Split('.');
        var payload = PayloadOf(token);
        payload["https://custom/app_metadata"]!["userId"] = "us-00000-00000-000000000000000";
        var forged = $"{parts[0]}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(payload.ToJsonString()))}.{parts[2]}";
        var inner = PayloadOf(token)["jti"]!.ToString();

        foreach (var other in new[]
                 {
                     null, "", "x", inner, forged, token[..^2], parts[0] + "." + parts[1] + ".", _server.AdminToken, _scene.Programme["token"]!.ToString(),
                     await _scene.Login(Passkey(_email), _email), begun["challenge"]!.ToString(),
                 })
        {
            Refused(await _server.Send("POST", "/auth/recover/user", body, other), 401, "Not Authorized.");
        }

        (await _server.Send("POST", "/auth/recover/user", body, token)).Status.ShouldBe(200);
        Refused(await _server.Send("POST", "/auth/recover/user", body, token), 401, "Not Authorized."); // Replayed.
    }

    [Theory]
    [InlineData("""{"newCredentials":{}}""", "recovery.kind must be RecoveryKey")]
    [InlineData("""{"recovery":{"kind":"Fido2"},"newCredentials":{}}""", "recovery.kind must be RecoveryKey")]
    [InlineData("""{"recovery":{"kind":"RecoveryKey","credentialAssertion":{"credId":"a"}},"newCredentials":{}}""", "recovery.credentialAssertion.clientData must be base64url")]
    [InlineData("""{"recovery":{"kind":"RecoveryKey","credentialAssertion":{"credId":7,"clientData":"e30","signature":"e30"}}}""", "recovery.credentialAssertion.credId must be a text")]
    [InlineData("""{"recovery":{"kind":"RecoveryKey","credentialAssertion":{"credId":"a","clientData":"e30","signature":"e30"}},"newCredentials":[]}""", "newCredentials must be an object")]
    [InlineData("""{"recovery":{"kind":"RecoveryKey","kind":"RecoveryKey"}}""", "The body is not valid JSON")]
    [InlineData("""{"recovery":{"kind":"\ud800"}}""", "The body is not valid JSON")]
    [InlineData("""[]""", null)]
    public async Task A_body_that_is_none_is_named(string body, string? message)
    {
        var begun = await _scene.BeginRecovery(_kit, _email);
        var refused = await _server.Send("POST", "/auth/recover/user", body, begun["temporaryAuthenticationToken"]!.ToString());
        refused.Status.ShouldBe(400, refused.Text);
        if (message is not null)
        {
            Refused(refused, 400, message);
        }
    }

    private static string Padded(string text) => text.PadRight((text.Length + 3) / 4 * 4, '=');

    private Task<Answer> Complete(JsonNode begun, JsonObject body) =>
        _server.Send("POST", "/auth/recover/user", body.ToJsonString(), begun["temporaryAuthenticationToken"]!.ToString());

    private async Task Succeeds(JsonNode begun, JsonObject? body, bool refused = false)
    {
        if (body is null)
        {
            var (credentials, _) = await _scene.NewCredentials(begun, Passkey("newest"));
            body = await _scene.Recovery(begun, _kit, credentials);
        }

        var done = await Complete(begun, body);
        (done.Status == 200).ShouldBe(!refused, done.Text);
    }

    // Through the vendor's client, as an answer.
    private async Task<Answer> Portal(string method, object body)
    {
        var thrown = await Should.ThrowAsync<NodeClientException>(_scene.Portal(method, body));
        return new Answer(thrown.Status!.Value, thrown.Body, thrown.Body!.ToJsonString(), null!);
    }

    internal static void Refused(Answer answer, int status, string message)
    {
        answer.Status.ShouldBe(status, answer.Text);
        answer.Json!["error"]!["message"]!.ToString().ShouldBe(message);
        answer.Json!["message"]!.ToString().ShouldBe(message);
    }
}
