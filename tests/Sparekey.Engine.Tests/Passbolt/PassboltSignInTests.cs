using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Passbolt;

namespace Sparekey.Engine.Tests.Passbolt;

/// <summary>One engine and one stand-in for all tests of signing in; each has a client of its own, and no server's key is known.</summary>
public sealed class SignInScene : IAsyncLifetime
{
    internal CompanionScene Scene { get; private set; } = null!;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync() => Scene = await CompanionScene.Create();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Scene.DisposeAsync();
}

public sealed class PassboltSignInTests(SignInScene shared) : IClassFixture<SignInScene>, IAsyncLifetime
{
    private const string Policy = "/account-recovery/organization-policies.json";

    private static readonly CancellationToken None = CancellationToken.None;

    private readonly List<IDisposable> _made = [];
    private PassboltClient _client = null!;

    private CompanionScene Scene => shared.Scene;

    private Testing.PassboltStandIn Passbolt => shared.Scene.Passbolt;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        Passbolt.Forget();
        Scene.Time.Advance(TimeSpan.FromMinutes(1)); // A one-time password is good once.
        await Scene.Get<Acts>().Write(TenantId.Default, act => act.Db.Execute("DELETE FROM passbolt_companions", new { }), None);
        _client = Client();
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _made.ForEach(m => m.Dispose());
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Signs_in_by_token_once_and_goes_on_with_it()
    {
        for (var i = 0; i < 3; i++)
        {
            (await _client.Get(Policy, None)).Text("policy").ShouldBe("opt-in");
        }

        (Passbolt.SignIns, Passbolt.Attacks).ShouldBe((1, 0));
        Passbolt.Calls.Count(c => c.Contains("/auth/login", StringComparison.Ordinal)).ShouldBe(0);
    }

    [Fact]
    public async Task Takes_the_next_token_before_the_last_one_ends_and_uses_each_refresh_token_once()
    {
        for (var i = 0; i < 5; i++)
        {
            (await _client.Get(Policy, None)).Fault.ShouldBe(PassboltFault.None);
            Scene.Time.Advance(TimeSpan.FromMinutes(4) + TimeSpan.FromSeconds(45));
        }

        (Passbolt.SignIns, Passbolt.Refreshes, Passbolt.Attacks).ShouldBe((1, 4, 0));
    }

    [Fact]
    public async Task Signs_in_anew_where_the_session_is_over_before_its_time()
    {
        (await _client.Get(Policy, None)).Fault.ShouldBe(PassboltFault.None);
        Passbolt.EndSessions();
        (await _client.Get(Policy, None)).Fault.ShouldBe(PassboltFault.None);
        Passbolt.SignIns.ShouldBe(2);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(-4)]
    public async Task Signs_in_where_the_two_clocks_differ(int minutes)
    {
        Passbolt.Ahead = TimeSpan.FromMinutes(minutes);
        (await _client.Get(Policy, None)).Fault.ShouldBe(PassboltFault.None);
        Passbolt.Attacks.ShouldBe(0);
    }

    [Fact]
    public async Task Signs_in_by_nonce_where_the_server_has_no_tokens()
    {
        Passbolt.Jwt = false;
        (await _client.Get(Policy, None)).Text("policy").ShouldBe("opt-in");

        // Cookies need the token against cross-site requests; the stand-in refuses a post without it.
        (await _client.Post("/auth/logout.json", [], None)).Fault.ShouldBe(PassboltFault.None);
        (Passbolt.SignIns, Passbolt.Attacks).ShouldBe((1, 0));
    }

    [Fact]
    public async Task Signs_in_by_nonce_where_the_server_fails_at_tokens()
    {
        (Passbolt.Mode, Passbolt.Only) = ("down", "/auth/jwt");
        (await _client.Get(Policy, None)).Fault.ShouldBe(PassboltFault.None);
    }

    [Fact]
    public async Task Posts_as_a_guest_where_the_user_may_not()
    {
        var body = new JsonObject { ["username"] = "ada@example.com" };
        (await _client.Post("/users/recover.json", body.DeepClone().AsObject(), None)).Fault.ShouldBe(PassboltFault.Forbidden);
        (await _client.PostAsGuest("/users/recover.json", body, None)).Fault.ShouldBe(PassboltFault.None);
        Passbolt.Mailed.ShouldBe(["ada@example.com"]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Gives_the_second_factor_once_and_keeps_what_it_opened(bool jwt)
    {
        (Passbolt.Totp, Passbolt.Jwt) = ("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", jwt);
        for (var i = 0; i < 4; i++)
        {
            (await _client.Get(Policy, None)).Fault.ShouldBe(PassboltFault.None);
            Scene.Time.Advance(TimeSpan.FromMinutes(4) + TimeSpan.FromSeconds(45));
        }

        Passbolt.FactorsGiven.ShouldBe(1);
    }

    [Fact]
    public async Task Gives_the_second_factor_once_however_many_call()
    {
        Passbolt.Totp = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => _client.Get(Policy, None)));
        answers.ShouldAllBe(a => a.Ok);
        (Passbolt.SignIns, Passbolt.FactorsGiven).ShouldBe((1, 1));
    }

    [Fact]
    public async Task Does_not_try_one_time_passwords_until_the_user_is_locked_out()
    {
        Passbolt.Totp = "MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK"; // Another secret than the companion's.
        for (var i = 0; i < 10; i++)
        {
            (await _client.Get(Policy, None)).Fault.ShouldBe(PassboltFault.SecondFactor);
            Scene.Time.Advance(TimeSpan.FromSeconds(31));
        }

        Passbolt.Calls.Count(c => c.StartsWith("POST /mfa", StringComparison.Ordinal)).ShouldBe(1);
        Scene.Time.Advance(TimeSpan.FromMinutes(15));
        await _client.Get(Policy, None);
        Passbolt.Calls.Count(c => c.StartsWith("POST /mfa", StringComparison.Ordinal)).ShouldBe(2);
    }

    [Fact]
    public async Task Says_that_a_second_factor_is_due_where_it_has_none()
    {
        Passbolt.Totp = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        (await Client(Scene.Options with { TotpSecretFile = null }).Get(Policy, None)).Fault.ShouldBe(PassboltFault.SecondFactor);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Signs_in_at_no_server_with_another_key_than_the_first_one(bool jwt)
    {
        Passbolt.Jwt = jwt;
        (await _client.Get(Policy, None)).Fault.ShouldBe(PassboltFault.None);
        var first = Passbolt.ServerKey;
        try
        {
            Passbolt.ServerKey = await Testing.PassboltVectors.Key("ecdsa_p384");
            (await Client().Get(Policy, None)).Fault.ShouldBe(PassboltFault.ServerKeyChanged);
            Passbolt.SignIns.ShouldBe(1, "It was told nothing that could sign in elsewhere.");
        }
        finally
        {
            Passbolt.ServerKey = first;
        }

        (await Client().Get(Policy, None)).Fault.ShouldBe(PassboltFault.None);
    }

    [Fact]
    public async Task Believes_no_server_that_shows_a_key_it_does_not_hold()
    {
        var (mine, others) = (Passbolt.ServerKey, await Testing.PassboltVectors.Key("ecdsa_p384"));
        try
        {
            foreach (var jwt in new[] { true, false })
            {
                // The public half of another's key: what is encrypted to it cannot be read here.
                Passbolt.Jwt = jwt;
                Passbolt.ServerKey = mine with { Public = others.Public, Fingerprint = others.Fingerprint };
                (await Client().Get(Policy, None)).Fault.ShouldBe(PassboltFault.SignInFailed);
            }
        }
        finally
        {
            Passbolt.ServerKey = mine;
        }

        Passbolt.SignIns.ShouldBe(0);
    }

    // Each failed sign-in is a mail of that server's to the user and to all administrators.
    [Fact]
    public async Task Fails_to_sign_in_once_an_hour_however_many_call_until_somebody_says_that_it_is_mended()
    {
        var client = Client(Scene.Options with { UserId = NewId.Make<AccountId>().Value });
        (await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => client.Get(Policy, None)))).ShouldAllBe(a => a.Fault == PassboltFault.SignInFailed);
        Tried().ShouldBe(1);
        Scene.Time.Advance(TimeSpan.FromMinutes(59));
        (await client.Get(Policy, None)).RetryAfter.ShouldBe(TimeSpan.FromMinutes(1));
        (await client.PostAsGuest("/users/recover.json", [], None)).Fault.ShouldBe(PassboltFault.SignInFailed);
        Tried().ShouldBe(1);
        Scene.Time.Advance(TimeSpan.FromMinutes(2));
        await client.Get(Policy, None);
        Tried().ShouldBe(2);
        client.TryAgain();
        await client.Get(Policy, None);
        Tried().ShouldBe(3);

        int Tried() => Passbolt.Calls.Count(c => c.StartsWith("POST /auth/jwt/login", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Leaves_a_server_in_peace_that_asks_for_it_whoever_calls()
    {
        Passbolt.Mode = "later";
        var answer = await _client.Get(Policy, None);
        (answer.Fault, answer.RetryAfter).ShouldBe((PassboltFault.Busy, TimeSpan.FromMinutes(20)));
        Passbolt.Mode = "ok";
        Scene.Time.Advance(TimeSpan.FromMinutes(19));
        (await _client.Get(Policy, None)).Fault.ShouldBe(PassboltFault.Busy);
        Passbolt.Calls.Count.ShouldBe(1);
        Scene.Time.Advance(TimeSpan.FromMinutes(2));
        (await _client.Get(Policy, None)).Fault.ShouldBe(PassboltFault.None);
    }

    [Theory]
    [InlineData("down", PassboltFault.Failing)]
    [InlineData("busy", PassboltFault.Busy)]
    [InlineData("garbage", PassboltFault.Garbage)]
    [InlineData("twice", PassboltFault.Garbage)]
    [InlineData("surrogate", PassboltFault.Garbage)]
    [InlineData("huge", PassboltFault.TooLarge)]
    [InlineData("slow", PassboltFault.TimedOut)]
    [InlineData("closed", PassboltFault.Unreachable)]
    [InlineData("redirect", PassboltFault.Garbage)]
    [InlineData("unauthorized", PassboltFault.NotSignedIn)]
    [InlineData("forbidden", PassboltFault.Forbidden)]
    [InlineData("refused", PassboltFault.Refused)]
    public async Task Says_what_is_wrong_with_a_server(string mode, object fault)
    {
        using var egress = new Egress(new EgressOptions { PrivateHosts = ["127.0.0.1"] });
        var http = new PassboltHttp(egress, Scene.Options) { Patience = mode == "slow" ? TimeSpan.FromMilliseconds(200) : TimeSpan.FromSeconds(30) };
        Passbolt.Mode = mode;
        var answer = await http.Send(HttpMethod.Get, "/auth/verify.json", null, new PassboltBearer(null, new CookieJar()), None);
        answer.Fault.ShouldBe((PassboltFault)fault);
        answer.RetryAfter.ShouldBe(mode == "busy" ? TimeSpan.FromSeconds(90) : null);
        Passbolt.Calls.Count.ShouldBe(1, "No redirect is followed.");
    }

    [Theory]
    [InlineData("\r\nX-Header: 1")]
    [InlineData(" ")]
    [InlineData("\u00e9")]
    public async Task Sends_no_token_that_cannot_stand_in_a_header(string end)
    {
        Passbolt.TokenEnd = end;
        (await _client.Get(Policy, None)).Fault.ShouldBe(PassboltFault.SignInFailed);
    }

    [Theory]
    [InlineData(7)]
    [InlineData(1000)]
    public async Task Reads_a_list_to_its_end_whatever_pages_the_server_has(int largest)
    {
        var users = Passbolt.Users.ToList();
        try
        {
            Passbolt.Users.AddRange(Enumerable.Range(0, 19).Select(i => users[0] with { Id = NewId.Make<AccountId>().Value, Username = $"p{i}@example.com" }));
            Passbolt.LargestPage = largest;
            var (people, isWhole, last) = await _client.List("/users.json", 10, 20, RemotePerson.Read, None);
            (people.Count, isWhole, last.Fault).ShouldBe((20, true, PassboltFault.None));
            (await _client.List("/users.json", 10, 1, RemotePerson.Read, None)).IsWhole.ShouldBeFalse("There is more than one page.");
        }
        finally
        {
            Passbolt.Users.Clear();
            Passbolt.Users.AddRange(users);
        }
    }

    [Fact]
    public async Task Calls_no_server_in_a_private_network_that_nobody_allowed()
    {
        using var egress = new Egress(new EgressOptions());
        var answer = await new PassboltHttp(egress, Scene.Options).Send(
            HttpMethod.Get, "/auth/verify.json", null, new PassboltBearer(null, new CookieJar()), None);
        answer.Fault.ShouldBe(PassboltFault.Unreachable);
        Passbolt.Calls.ShouldBeEmpty();
    }

    [Fact]
    public async Task Takes_no_key_that_others_can_read()
    {
        var file = Scene.Write("open.asc", Scene.User.Key.Private);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        var answer = await Client(Scene.Options with { UserKeyFile = file }).Get(Policy, None);
        (answer.Fault, answer.Why).ShouldBe((PassboltFault.OwnKey, $"{file}: others may read it; its mode must be 0600 or 0400."));
        Passbolt.SignIns.ShouldBe(0);
    }

    [Theory]
    [InlineData(false, "wrong")]
    [InlineData(true, "no key at all")]
    public async Task Says_that_its_own_key_cannot_be_used(bool key, string content)
    {
        var file = Scene.Write("other", content);
        var answer = await Client(key ? Scene.Options with { UserKeyFile = file } : Scene.Options with { UserPassphraseFile = file }).Get(Policy, None);
        answer.Fault.ShouldBe(PassboltFault.OwnKey);
        answer.Why.ShouldNotBeNull().ShouldNotContain(content);
        string.Join('\n', Scene.Log).ShouldNotContain(content);
    }

    [Fact]
    public async Task Signs_in_once_however_many_call()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => _client.Get(Policy, None)));
        answers.ShouldAllBe(a => a.Ok);
        Passbolt.SignIns.ShouldBe(1);
    }

    private PassboltClient Client(CompanionOptions? other = null)
    {
        var (options, acts) = (other ?? Scene.Options, Scene.Get<Acts>());
        var egress = new Egress(new EgressOptions { PrivateHosts = ["127.0.0.1"] });
        var (http, keys) = (new PassboltHttp(egress, options), new CompanionKeys(options));
        var client = new PassboltClient(http, new PassboltSignIn(http, options, keys, Scene.Get<CompanionStore>(), acts), keys, acts);
        _made.AddRange([client, egress]);
        return client;
    }
}
