using System.Text.Json;
using System.Text.Json.Nodes;

namespace Sparekey.Testing;

/// <summary>
/// Passbolt's own browser extension, unmodified, in as many browsers as a test needs (<c>tests/npm/passbolt/client.mjs</c>), and single
/// classes of it and of OpenPGP.js for what needs no server.
/// </summary>
public sealed class PassboltClients : IAsyncDisposable
{
    // One bundle for all tests of a process, which goes with it.
    private static readonly Lazy<string> Bundle = new(() =>
    {
        var folder = Directory.CreateTempSubdirectory("sparekey-passbolt-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        return folder;
    });

    private readonly NodeProgram _program;

    private PassboltClients(NodeProgram program) => _program = program;

    /// <summary>Bundles the extension, unless that was done before, and waits for calls.</summary>
    public static async Task<PassboltClients> Start() => new(await NodeProgram.Start("passbolt/client.mjs", Bundle.Value));

    /// <summary>A browser with a profile of its own; the same name is the same browser until it is closed.</summary>
    /// <param name="name">Any name.</param>
    /// <param name="domain">What the extension takes for the server's address: <c>scheme://host[:port]</c>.</param>
    /// <param name="address">Where that server really listens.</param>
    /// <param name="time">Its clock; the machine's when left out.</param>
    public async Task<PassboltExtension> Browser(string name, string domain, Uri address, TimeProvider? time = null)
    {
        var browser = new PassboltExtension(this, name, domain, time);
        await browser.Do(new JsonObject { ["op"] = "at", ["domain"] = domain, ["address"] = address.GetLeftPart(UriPartial.Authority) });
        return browser;
    }

    /// <summary>A reviewer's answer, read by the class that reads it in the browser of the locked-out person.</summary>
    /// <returns>The JSON inside (contract, 3.1).</returns>
    public async Task<JsonObject> OpenAnswer(string data, PassboltKey request, string userId, string domain) => (await Do(new()
    {
        ["op"] = "openAnswer", ["data"] = data, ["private"] = request.Private, ["passphrase"] = request.Passphrase, ["user_id"] = userId, ["domain"] = domain,
    })).AsObject();

    /// <summary>An escrow password, read by the class that reads it in a reviewer's browser.</summary>
    /// <returns>The JSON inside.</returns>
    public async Task<JsonObject> OpenPassword(string data, PassboltKey organisation, string userId, string domain, string? owner = null) => (await Do(new()
    {
        ["op"] = "openPassword", ["data"] = data, ["private"] = organisation.Private, ["passphrase"] = organisation.Passphrase,
        ["fingerprint"] = organisation.Fingerprint, ["user_id"] = userId, ["domain"] = domain, ["owner"] = owner,
    })).AsObject();

    /// <summary>An escrow blob, read as the browser of the locked-out person does.</summary>
    /// <returns>The fingerprint of the key in it, and whether that is without a passphrase.</returns>
    public async Task<(string Fingerprint, bool Unprotected)> OpenBlob(string data, string secret)
    {
        var key = await Do(new() { ["op"] = "openBlob", ["data"] = data, ["secret"] = secret });
        return ((string)key["fingerprint"]!, (bool)key["unprotected"]!);
    }

    /// <summary>Blob and password as the extension makes them when a person enrols.</summary>
    public async Task<(string Blob, string Password)> Enrolment(PassboltKey person, string userId, string domain, string organisation, DateTimeOffset? at = null)
    {
        var key = (await Do(
            new()
            {
                ["op"] = "enrolment", ["private"] = person.Private, ["passphrase"] = person.Passphrase, ["user_id"] = userId, ["domain"] = domain,
                ["organisation"] = organisation,
            },
            at))["account_recovery_private_key"]!;
        return ((string)key["data"]!, (string)key["account_recovery_private_key_passwords"]![0]!["data"]!);
    }

    /// <summary>A public key with its revocation, as the extension makes it.</summary>
    public async Task<string> Revoke(PassboltKey key, DateTimeOffset? at = null) =>
        (string)(await Do(new() { ["op"] = "revoke", ["private"] = key.Private, ["passphrase"] = key.Passphrase }, at))!;

    /// <summary>A message by OpenPGP.js, of any kind that a test wants.</summary>
    public async Task<string> Encrypt(PassboltMessage message, DateTimeOffset? at = null) => (string)(await Do(
        new()
        {
            ["op"] = "encrypt", ["text"] = message.Text, ["to"] = List(message.To), ["passwords"] = List(message.Passwords),
            ["sign"] = new JsonArray([.. message.SignedBy.Select(k => new JsonObject { ["private"] = k.Private, ["passphrase"] = k.Passphrase })]),
            ["hidden"] = message.Hidden, ["checksum"] = message.Checksum, ["aead"] = message.Aead,
        },
        at))!;

    /// <summary>Reads a message with OpenPGP.js.</summary>
    /// <returns>Its text, and each signature: <c>by</c> (fingerprint of the known key, or null) and <c>valid</c>.</returns>
    public async Task<(string Text, JsonArray Signatures)> Decrypt(string data, PassboltKey key, params IEnumerable<string> known)
    {
        var opened = await Do(new() { ["op"] = "decrypt", ["data"] = data, ["private"] = key.Private, ["passphrase"] = key.Passphrase, ["known"] = List(known) });
        return ((string)opened["text"]!, opened["signatures"]!.AsArray());
    }

    /// <summary>Makes a key with OpenPGP.js. RSA of 4096 bits takes seconds: take one of <see cref="PassboltVectors"/> where it does.</summary>
    /// <param name="type">"rsa", "ecc" (25519), …</param>
    /// <param name="bits">For RSA.</param>
    /// <param name="email">Its user's address.</param>
    /// <param name="passphrase">What protects the private key.</param>
    /// <param name="at">When it says it was made.</param>
    /// <param name="expires">After so many seconds; 0 is never.</param>
    public async Task<(string Public, string Private)> MakeKey(string type, int bits, string email, string passphrase, DateTimeOffset? at = null, long expires = 0)
    {
        var made = await Do(new()
        {
            ["op"] = "makeKey", ["type"] = type, ["bits"] = bits, ["name"] = "Test", ["email"] = email, ["passphrase"] = passphrase,
            ["at"] = at?.ToUnixTimeMilliseconds(), ["expires"] = expires,
        });
        return ((string)made["public"]!, (string)made["private"]!);
    }

    /// <summary>What OpenPGP.js sees in a key: fingerprint, private, unprotected, revoked, users, created, algorithm, bits, certifiedBy.</summary>
    public async Task<JsonObject> Describe(string armored) => (await Do(new() { ["op"] = "key", ["armored"] = armored })).AsObject();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _program.DisposeAsync();

    internal async Task<JsonNode?> Call(JsonObject call) => await _program.Call(call);

    private static JsonArray List(IEnumerable<string> texts) => new([.. texts.Select(t => (JsonNode)t)]);

    private async Task<JsonNode> Do(JsonObject call, DateTimeOffset? at = null)
    {
        call["browser"] = "classes";
        call["now"] = at?.ToUnixTimeMilliseconds();
        return (await _program.Call(call))!;
    }
}

/// <summary>A message to be made by OpenPGP.js.</summary>
/// <param name="Text">What is in it.</param>
public sealed record PassboltMessage(string Text)
{
    /// <summary>Public keys that can read it.</summary>
    public IReadOnlyList<string> To { get; init; } = [];

    /// <summary>Passwords that can read it.</summary>
    public IReadOnlyList<string> Passwords { get; init; } = [];

    /// <summary>Who signs it.</summary>
    public IReadOnlyList<PassboltKey> SignedBy { get; init; } = [];

    /// <summary>Whether it leaves out whose it is.</summary>
    public bool Hidden { get; init; }

    /// <summary>Whether the armor has its checksum line.</summary>
    public bool Checksum { get; init; } = true;

    /// <summary>Whether it is of the newer kind that the vendor's server cannot read.</summary>
    public bool Aead { get; init; }
}

/// <summary>
/// One browser with Passbolt's extension. A test visits the extension's pages and says what those pages say to it: the names of the
/// messages are the vendor's. What the extension throws arrives as <see cref="NodeClientException"/>, with the server's status and body
/// where it was the server that refused.
/// </summary>
public sealed class PassboltExtension
{
    private readonly PassboltClients _clients;
    private readonly string _name;
    private readonly TimeProvider? _time;

    internal PassboltExtension(PassboltClients clients, string name, string domain, TimeProvider? time)
    {
        (_clients, _name, Domain, _time) = (clients, name, domain, time);
        Ahead = TimeSpan.Zero;
    }

    /// <summary>The server's address, as the extension knows it.</summary>
    public string Domain { get; }

    /// <summary>By how much this browser's clock is ahead.</summary>
    public TimeSpan Ahead { get; set; }

    /// <summary>Puts an account here that was set up earlier.</summary>
    public Task Install(PassboltKey key, string userId, string username, string firstName, string lastName) => Do(new()
    {
        ["op"] = "install", ["domain"] = Domain, ["user_id"] = userId, ["username"] = username, ["first_name"] = firstName, ["last_name"] = lastName,
        ["private"] = key.Private,
    });

    /// <summary>Opens a page of the extension.</summary>
    /// <param name="page">Auth, App, Setup, Recover or AccountRecovery.</param>
    /// <param name="url">The address in the tab.</param>
    public async Task Visit(string page, string url) => await Do(new() { ["op"] = "visit", ["page"] = page, ["url"] = url });

    /// <summary>Says something to the extension, as a page does.</summary>
    /// <param name="page">The page.</param>
    /// <param name="message">The vendor's name of it, without the leading "passbolt.".</param>
    /// <param name="args">What goes with it.</param>
    public Task<JsonNode?> Say(string page, string message, params IEnumerable<JsonNode?> args) => SayWith(null, page, message, args);

    /// <summary>The same, with the passphrase that the person types when the extension asks for it.</summary>
    public Task<JsonNode?> SayWith(string? passphrase, string page, string message, params IEnumerable<JsonNode?> args) => Do(new()
    {
        ["op"] = "say", ["page"] = page, ["message"] = "passbolt." + message, ["args"] = new JsonArray([.. args]), ["passphrase"] = passphrase,
    });

    /// <summary>Signs the installed account in, and opens the application.</summary>
    public async Task SignIn(string passphrase)
    {
        await Visit("Auth", $"{Domain}/auth/login");
        await Say("Auth", "auth.verify-server-key");
        await Say("Auth", "auth.login", passphrase, false);
        await Visit("App", $"{Domain}/app/passwords");
    }

    /// <summary>Signs out.</summary>
    public Task SignOut() => Say("App", "auth.logout", false);

    /// <summary>Whether the server takes this browser for signed in.</summary>
    public async Task<bool> IsSignedIn() => (bool)(await Say("Auth", "auth.check-status"))!["isAuthenticated"]!;

    /// <summary>The person's own row, fetched anew.</summary>
    public async Task<JsonObject> Me() => (await Say("App", "users.find-logged-in-user", true))!.AsObject();

    /// <summary>The people, fetched anew.</summary>
    public async Task<JsonArray> Users()
    {
        await Say("App", "users.update-local-storage");
        return (await Say("App", "users.get-all"))!.AsArray();
    }

    /// <summary>The organisation's policy.</summary>
    public async Task<JsonObject> Policy() => (await Say("App", "account-recovery.get-organization-policy"))!.AsObject();

    /// <summary>Changes the organisation's policy: switches it on, changes its kind, its key, or switches it off.</summary>
    /// <param name="policy">disabled, mandatory, opt-in, opt-out; null leaves it.</param>
    /// <param name="newKey">The public key from now on.</param>
    /// <param name="oldKey">The organisation's key until now, where it is revoked.</param>
    /// <param name="passphrase">The administrator's.</param>
    public async Task<JsonObject> SetPolicy(string? policy, string? newKey, PassboltKey? oldKey, string passphrase)
    {
        var change = new JsonObject();
        if (policy is not null)
        {
            change["policy"] = policy;
        }

        if (newKey is not null)
        {
            change["account_recovery_organization_public_key"] = new JsonObject { ["armored_key"] = newKey };
        }

        return (await SayWith(passphrase, "App", "account-recovery.save-organization-policy", change, Secret(oldKey)))!.AsObject();
    }

    /// <summary>Enrols the person who is signed in.</summary>
    public Task Enrol(string passphrase) =>
        SayWith(passphrase, "App", "account-recovery.save-user-settings", new JsonObject { ["status"] = "approved" });

    /// <summary>Declines for the person who is signed in.</summary>
    public Task Decline() => Say("App", "account-recovery.save-user-settings", new JsonObject { ["status"] = "rejected" });

    /// <summary>Asks for the mail that helps, without an account in this browser, as the vendor's own web page does.</summary>
    public async Task<JsonObject> AskForHelp(string username, string @case = "lost-passphrase")
    {
        await Fetch("GET", "/auth/verify.json"); // Whoever comes first gets the cookie against cross-site requests.
        return await Fetch("POST", "/users/recover.json", new JsonObject { ["username"] = username, ["case"] = @case });
    }

    /// <summary>Opens the link of the mail and asks for the account back: the request's id.</summary>
    /// <param name="link">The mailed link.</param>
    /// <param name="key">The request's key; null lets the extension make one under the passphrase, which takes seconds.</param>
    /// <param name="passphrase">The passphrase from now on.</param>
    public async Task<string> Request(string link, PassboltKey? key, string passphrase)
    {
        await StartRecover(link);
        if (key is null)
        {
            await Say("Recover", "recover.generate-account-recovery-request-key", new JsonObject { ["passphrase"] = passphrase });
        }
        else
        {
            await Do(new() { ["op"] = "requestKey", ["public"] = key.Public, ["private"] = key.Private });
        }

        await Say("Recover", "recover.set-security-token", SecurityToken());
        await Say("Recover", "recover.initiate-account-recovery-request");
        return (string)(await Account())["waiting"]![0]!["account_recovery_request_id"]!;
    }

    /// <summary>Opens the link of the mail.</summary>
    /// <returns>Whether the server says that the person may ask for their account back.</returns>
    public async Task<bool> StartRecover(string link)
    {
        await Visit("Recover", link);
        await Say("Recover", "recover.start");
        return (bool)(await Say("Recover", "recover.has-user-enabled-account-recovery"))!;
    }

    /// <summary>Opens the link of the mail with a private key at hand, as on a new computer, and signs in.</summary>
    public async Task RecoverWithKit(string link, PassboltKey key)
    {
        await StartRecover(link);
        await Say("Recover", "recover.import-key", key.Private);
        await Say("Recover", "recover.verify-passphrase", key.Passphrase);
        await Say("Recover", "recover.set-security-token", SecurityToken());
        await Say("Recover", "recover.complete");
        await Say("Recover", "recover.sign-in", false);
        await Visit("App", $"{Domain}/app/passwords");
    }

    /// <summary>Opens an invitation, with a private key that the person has already, and signs in.</summary>
    /// <param name="link">The mailed link.</param>
    /// <param name="key">The key.</param>
    /// <param name="escrow">approved or rejected; null says nothing.</param>
    public async Task SetUp(string link, PassboltKey key, string? escrow)
    {
        await Visit("Setup", link);
        await Say("Setup", "setup.start");
        await Say("Setup", "setup.import-key", key.Private);
        await Say("Setup", "setup.verify-passphrase", key.Passphrase);
        if (escrow is not null)
        {
            await Say("Setup", "setup.set-account-recovery-user-setting", escrow);
        }

        await Say("Setup", "setup.set-security-token", SecurityToken());
        await Say("Setup", "setup.complete");
        await Say("Setup", "setup.sign-in", false);
        await Visit("App", $"{Domain}/app/passwords");
    }

    /// <summary>The requests of a person, for a reviewer.</summary>
    public async Task<JsonArray> Requests(string userId) => (await Say("App", "account-recovery.get-user-requests", userId))!.AsArray();

    /// <summary>Answers a request.</summary>
    /// <param name="requestId">The request.</param>
    /// <param name="status">approved or rejected.</param>
    /// <param name="organisation">The organisation's key; needed to approve.</param>
    /// <param name="passphrase">The reviewer's own.</param>
    public Task Review(string requestId, string status, PassboltKey? organisation, string passphrase) =>
        SayWith(passphrase, "App", "account-recovery.review-request", requestId, status, Secret(organisation));

    /// <summary>Opens the link of the mail that says yes, and takes the account back.</summary>
    /// <param name="link">The mailed link.</param>
    /// <param name="passphrase">The passphrase that was chosen with the request.</param>
    /// <returns>The fingerprint of the key that came back.</returns>
    public async Task<string> Recover(string link, string passphrase)
    {
        await Continue(link);
        await Say("AccountRecovery", "account-recovery.recover-account", passphrase);
        return (string)(await Account())["fingerprint"]!;
    }

    /// <summary>Opens the link of the mail that says yes.</summary>
    public async Task Continue(string link)
    {
        await Visit("AccountRecovery", link);
        await Say("AccountRecovery", "account-recovery.continue");
    }

    /// <summary>Signs in with the key that came back.</summary>
    public async Task SignInRecovered(string passphrase)
    {
        await Say("AccountRecovery", "account-recovery.sign-in", passphrase, false);
        await Visit("App", $"{Domain}/app/passwords");
    }

    /// <summary>Gives an approved request up and asks for the mail again.</summary>
    public Task StartAgain() => Say("AccountRecovery", "account-recovery.request-help-credentials-lost");

    /// <summary>Gives up at the link of the mail: the person has neither key nor escrow.</summary>
    public Task GiveUp() => Say("Recover", "recover.request-help-credentials-lost");

    /// <summary>The account as the extension keeps it here: user_id, username, domain, private, fingerprint, waiting.</summary>
    public async Task<JsonObject> Account() => (await Do(new() { ["op"] = "account" }))!.AsObject();

    /// <summary>This browser's cookies, with their attributes.</summary>
    public async Task<JsonArray> Cookies() => (await Do(new() { ["op"] = "cookies" }))!.AsArray();

    /// <summary>A call with this browser's cookies: <c>status</c>, <c>headers</c>, <c>json</c>, <c>text</c>.</summary>
    /// <param name="method">GET, POST, PUT, DELETE.</param>
    /// <param name="path">From the domain on, or a whole address.</param>
    /// <param name="body">JSON, or a text as it is.</param>
    /// <param name="csrf">Whether the cookie against cross-site requests is echoed.</param>
    /// <param name="headers">More of them.</param>
    public async Task<JsonObject> Fetch(string method, string path, JsonNode? body = null, bool csrf = true, JsonObject? headers = null) => (await Do(new()
    {
        ["op"] = "fetch", ["method"] = method, ["url"] = path.StartsWith('/') ? Domain + path : path, ["body"] = body?.DeepClone(), ["csrf"] = csrf,
        ["headers"] = headers?.DeepClone(),
    }))!.AsObject();

    /// <summary>What the extension wrote to the console as errors since the last time.</summary>
    public async Task<IReadOnlyList<string>> Errors() => (await Do(new() { ["op"] = "errors" })).Deserialize<string[]>()!;

    /// <summary>Throws the profile away.</summary>
    public Task Close() => Do(new() { ["op"] = "close" });

    internal async Task<JsonNode?> Do(JsonObject call)
    {
        call["browser"] = _name;
        call["now"] = _time is null ? null : (_time.GetUtcNow() + Ahead).ToUnixTimeMilliseconds();
        return await _clients.Call(call);
    }

    private static JsonObject SecurityToken() => new() { ["code"] = "abc", ["color"] = "#ff3a3a", ["textcolor"] = "#ffffff" };

    private static JsonNode? Secret(PassboltKey? key) =>
        key is null ? null : new JsonObject { ["armored_key"] = key.Private, ["passphrase"] = key.Passphrase };
}
