using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Escrow.Identity;
using Sparekey.Engine.Delivery;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>
/// A server that people reach with Passbolt's own browser extension: two administrators, a reviewer and a person whose keys are the vendor's
/// test keys, a mail server, and as many browsers as a test opens. Every browser has the server's clock.
/// </summary>
internal sealed partial class PassboltClientScene : IAsyncDisposable
{
    /// <summary>What the extension takes for the server's address.</summary>
    public const string Domain = "https://passbolt.example.com";

    private readonly HashSet<string> _read = [];

    private PassboltClientScene(RunningServer server, SmtpServer smtp, PassboltClients clients) => (Server, Smtp, Clients) = (server, smtp, clients);

    public RunningServer Server { get; }

    public SmtpServer Smtp { get; }

    public PassboltClients Clients { get; }

    /// <summary>The fingerprint of the server's own key.</summary>
    public string ServerKey { get; private set; } = "";

    public PassboltClientPerson Admin { get; private set; } = null!;

    public PassboltClientPerson Betty { get; private set; } = null!;

    public PassboltClientPerson Carol { get; private set; } = null!;

    public PassboltClientPerson Ada { get; private set; } = null!;

    public PassboltKey Organisation { get; private set; } = null!;

    public PassboltKey NextOrganisation { get; private set; } = null!;

    /// <summary>What a person's device makes for a request, and the passphrase that they choose from now on.</summary>
    public PassboltKey RequestKey { get; private set; } = null!;

    public static async Task<PassboltClientScene> Start()
    {
        var smtp = await SmtpServer.Start();
        var clients = PassboltClients.Start();
        var server = await RunningServer.Start(mail: new MailOptions("127.0.0.1", new("recovery@example.com")) { Port = smtp.Port, Tls = MailTls.None });
        var scene = new PassboltClientScene(server, smtp, await clients);
        scene.ServerKey = await OpenPgpServers.SetUp(server.Services, TenantId.Default, Domain);
        scene.Admin = await scene.Person("admin", "admin@example.com", OpenPgpRole.Admin);
        scene.Betty = await scene.Person("betty", "betty@example.com", OpenPgpRole.Admin);
        scene.Carol = await scene.Person("carol", "carol@example.com", OpenPgpRole.Reviewer);
        scene.Ada = await scene.Person("ada", "ada@example.com", OpenPgpRole.User);
        scene.Organisation = await PassboltVectors.Key("account_recovery_organization");
        scene.NextOrganisation = await PassboltVectors.Key("account_recovery_organization_alternative");
        scene.RequestKey = await PassboltVectors.Key("account_recovery_request_alternative");
        return scene;
    }

    /// <summary>The operator of the machine.</summary>
    public static Caller Local => new(
        TenantId.Default, "local", "test", new Grant(Principal.LocalOperator, PermissionSet.All, RankOrder.Default.Highest, ExpiresAt: null));

    /// <summary>Makes an account with one of the vendor's keys.</summary>
    public async Task<PassboltClientPerson> Person(string vector, string username, OpenPgpRole role, Guid? id = null)
    {
        var key = await PassboltVectors.Key(vector);
        var given = id ?? (key.UserId is { } known ? Guid.Parse(known, CultureInfo.InvariantCulture) : null);
        var made = await Server.Get<ImportOpenPgpPerson>().Run(
            Local, new NewOpenPgpPerson(username, "Person", "Example", role) { Id = given is { } g ? AccountId.From(g) : null }, key.Public, CancellationToken.None);
        made.Refusal.ShouldBeNull();
        return new PassboltClientPerson(made.Value.Id.ToString(), username, key);
    }

    /// <summary>A browser without an account.</summary>
    public Task<PassboltExtension> Browser(string name) => Clients.Browser(name, Domain, Server.Origin, Server.Time);

    /// <summary>A browser in which somebody set their account up earlier, signed in.</summary>
    public async Task<PassboltExtension> SignedIn(PassboltClientPerson person, string? name = null)
    {
        var browser = await Browser(name ?? person.Username);
        await browser.Install(person.Key, person.Id, person.Username, "Person", "Example");
        await browser.SignIn(person.Key.Passphrase);
        return browser;
    }

    /// <summary>The newest mail to somebody that bears a link, which no call gave yet.</summary>
    /// <param name="to">Whom.</param>
    /// <param name="path">How the link's path begins.</param>
    public async Task<string> Link(string to, string path)
    {
        var mail = await Mail(to, m => m.Text.Contains(Domain + path, StringComparison.Ordinal));
        var at = mail.Text.IndexOf(Domain + path, StringComparison.Ordinal);
        return LinkEnd().Split(mail.Text[at..])[0];
    }

    /// <summary>The newest mail to somebody that no call gave yet.</summary>
    public async Task<ReceivedMail> Mail(string to, Func<ReceivedMail, bool> wanted)
    {
        for (var left = 300; left > 0; left--)
        {
            var received = await Smtp.Received();
            if (received.LastOrDefault(m => m.To.Contains(to) && !_read.Contains(m["Message-ID"]) && wanted(m)) is { } mail)
            {
                _read.Add(mail["Message-ID"]);
                return mail;
            }

            Server.Time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(50);
        }

        throw new TimeoutException($"No such mail to {to}.");
    }

    /// <summary>Switches escrow on, with the vendor's organisation key.</summary>
    public Task<JsonObject> Enable(PassboltExtension admin, string policy = "opt-in") =>
        admin.SetPolicy(policy, Organisation.Public, null, Admin.Key.Passphrase);

    /// <summary>Somebody lost their key and asks for it, with the fixed request key: the browser they did it in, and the request's id.</summary>
    public async Task<(PassboltExtension Browser, string Request)> Ask(PassboltClientPerson person, string name)
    {
        var browser = await Browser(name);
        (await browser.AskForHelp(person.Username))["status"]!.GetValue<int>().ShouldBe(200);
        while (true)
        {
            var link = await Link(person.Username, "/setup/recover/start/");
            try
            {
                return (browser, await browser.Request(link, RequestKey, RequestKey.Passphrase));
            }
            catch (NodeClientException older) when (older.Said.Contains("not active", StringComparison.Ordinal))
            {
                // A mail that nobody had opened; ours is on its way.
            }
        }
    }

    /// <summary>Makes an account with one of the vendor's keys and enrols it.</summary>
    public async Task<PassboltClientPerson> Enrolled(string vector)
    {
        var person = await Person(vector, $"{vector}@example.com", OpenPgpRole.User);
        var browser = await SignedIn(person, $"enrols {vector}");
        await browser.Enrol(person.Key.Passphrase);
        await browser.SignOut();
        return person;
    }

    // Whatever a test sent, nothing of it may have met a bug.
    public async ValueTask DisposeAsync()
    {
        var bugs = Server.LogLines.Where(l => l.StartsWith("A request of", StringComparison.Ordinal)).Distinct(StringComparer.Ordinal).ToList();
        await Clients.DisposeAsync();
        await Server.DisposeAsync();
        await Smtp.DisposeAsync();
        bugs.ShouldBeEmpty();
    }

    [GeneratedRegex(@"[\s<>""]", RegexOptions.NonBacktracking)]
    private static partial Regex LinkEnd();
}

/// <summary>Somebody whom the extension knows.</summary>
/// <param name="Id">Their id.</param>
/// <param name="Username">Their address.</param>
/// <param name="Key">Their key.</param>
internal sealed record PassboltClientPerson(string Id, string Username, PassboltKey Key);
