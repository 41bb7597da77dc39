using System.Net.Mail;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Delivery;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Delivery;

/// <summary>An engine that sends its mail to a port of this machine.</summary>
internal sealed class MailScene : IAsyncDisposable
{
    private readonly TestEngine _engine;
    private readonly ServiceProvider _services;

    private MailScene(TestEngine engine, MailOptions? mail, PhoneOptions? phone)
    {
        _engine = engine;
        _services = Compose(mail, phone);
    }

    public FakeTimeProvider Time => _engine.Time;

    public FaultyDatabase Faults => _engine.Faults;

    public Acts Acts => _engine.Acts;

    public Visitor Visitor { get; } = new(TenantId.Default, "203.0.113.7", "test");

    public Caller Caller { get; } = new(
        TenantId.Default, "203.0.113.8", "test", new Grant(Principal.LocalOperator, PermissionSet.All, "admin", ExpiresAt: null));

    public DeliverMessages Mail => Get<DeliverMessages>();

    public static async Task<MailScene> Start(MailOptions? mail, PhoneOptions? phone = null)
    {
        var scene = new MailScene(await TestEngine.Create(), mail, phone);
        await scene.Get<EnsureDefaultApplication>().Run(
            TenantId.Default, new Uri("https://recover.example.com"), CancellationToken.None);
        return scene;
    }

    public static Task<MailScene> Start(int port) => Start(To(port));

    /// <summary>How to reach a server of this machine that protects nothing.</summary>
    public static MailOptions To(int port) => new("127.0.0.1", new MailAddress("recovery@example.com", "Sparekey"))
    {
        Port = port, Tls = MailTls.None, Timeout = TimeSpan.FromSeconds(30),
    };

    /// <summary>The services of another process over the same database.</summary>
    public ServiceProvider Compose(MailOptions? mail, PhoneOptions? phone = null) => new ServiceCollection()
        .AddLogging()
        .AddSingleton<TimeProvider>(_engine.Time)
        .AddSparekeyEngine(new EngineOptions(_engine.Faults, _engine.Keys, new Uri("https://recover.example.com"))
        {
            Mail = mail, Phone = phone, Egress = new EgressOptions { PrivateHosts = phone is null ? [] : ["127.0.0.1"] },
        })
        .BuildServiceProvider();

    /// <summary>What an expression finds in a text as <c>it</c>.</summary>
    public static string Find(string text, string expression)
    {
        var match = Regex.Match(text, expression, RegexOptions.NonBacktracking | RegexOptions.Multiline | RegexOptions.ExplicitCapture);
        match.Success.ShouldBeTrue(text);
        return match.Groups["it"].Value;
    }

    public T Get<T>()
        where T : notnull => _services.GetRequiredService<T>();

    public Task<int> Deliver() => Mail.RunOnce(CancellationToken.None);

    public Task<T> Write<T>(Func<Act, Task<T>> act) => Acts.Write(TenantId.Default, act, CancellationToken.None);

    public Task<AccountId> Account(params string[] emails) => Account("{}", emails);

    public Task<AccountId> Account(string traits, string[] emails) => Write(async act =>
    {
        var account = new Account(NewId.Make<AccountId>(), "user", act.Now, 1)
        {
            Traits = traits,
            Addresses =
            [
                .. emails.Select(e => new Address(
                    NewId.Make<AddressId>(), e.StartsWith('+') ? AddressKind.Phone : AddressKind.Email, e, act.Now,
                    GivenAtCreation: true, ConfirmedAt: null)),
            ],
        };
        await Get<AccountStore>().Insert(act, account);
        return account.Id;
    });

    public Task<bool> Send(OutboxMessage message) => Write(async act =>
    {
        await act.Send(message);
        return true;
    });

    /// <summary>Queues a message that needs nothing but an account.</summary>
    public Task<bool> Notice(AccountId account) => Send(new OutboxMessage(MessageKind.CredentialChangedNotice, account)
    {
        Values = new Dictionary<string, string>(StringComparer.Ordinal) { ["credential"] = "password", ["change"] = "changed" },
    });

    public Task<long> Count(string sql, object? parameters = null) =>
        Acts.Read(db => db.Scalar<long>(sql, parameters), CancellationToken.None);

    public Task<long> Waiting() => Count("SELECT COUNT(*) FROM outbox");

    public Task<long> Dead(string why) => Count("SELECT COUNT(*) FROM dead_letters WHERE why = @why", new { why });

    public Task<long> Ledgered(LedgerEvent happened) =>
        Count("SELECT COUNT(*) FROM ledger_entries WHERE event = @name", new { name = WireName.Of(happened) });

    /// <summary>Everything in the database's files, a character a byte.</summary>
    public string StoredBytes() => _engine.StoredBytes();

    /// <summary>What housekeeping does every minute so that what was erased is gone.</summary>
    public Task Maintain() => _engine.Maintain();

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        await _engine.DisposeAsync();
    }
}
