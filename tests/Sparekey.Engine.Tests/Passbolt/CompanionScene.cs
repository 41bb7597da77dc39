using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Passbolt;
using Sparekey.Engine.Recoveries;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Passbolt;

/// <summary>An engine whose companion watches a stand-in for a Passbolt server, with its keys in files, and the words of its tests.</summary>
internal sealed class CompanionScene : IAsyncDisposable
{
    private readonly TestEngine _engine;
    private readonly string _folder;
    private ServiceProvider _services;

    private CompanionScene(TestEngine engine, PassboltStandIn passbolt, PassboltUser user, string folder, CompanionOptions options)
    {
        (_engine, Passbolt, User, _folder, Options) = (engine, passbolt, user, folder, options);
        _services = Build();
    }

    public PassboltStandIn Passbolt { get; }

    /// <summary>The companion's own user.</summary>
    public PassboltUser User { get; }

    public CompanionOptions Options { get; private set; }

    public FakeTimeProvider Time => _engine.Time;

    public FaultyDatabase Faults => _engine.Faults;

    public List<string> Log { get; } = [];

    public static async Task<CompanionScene> Create(Func<CompanionOptions, CompanionOptions>? change = null, bool real = false)
    {
        var engine = await TestEngine.Create();
        var passbolt = await PassboltStandIn.Start(engine.Time, real);
        var user = await passbolt.AddUser("eddsa_ed25519", "reviewer");
        var folder = Directory.CreateTempSubdirectory("sparekey-companion-").FullName;
        var options = new CompanionOptions(
            new Uri(passbolt.Url), user.Id, Write(folder, "user.asc", user.Key.Private), Write(folder, "user.pass", user.Key.Passphrase + "\n"))
        {
            RecoveryKeyFile = Write(folder, "recovery.asc", passbolt.Organisation.Private),
            RecoveryPassphraseFile = Write(folder, "recovery.pass", passbolt.Organisation.Passphrase + "\r\n"),
            TotpSecretFile = Write(folder, "totp", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n"),
        };
        var scene = new CompanionScene(engine, passbolt, user, folder, change?.Invoke(options) ?? options);
        await scene.Get<EnsureDefaultApplication>().Run(TenantId.Default, new Uri("https://recover.example.com"), CancellationToken.None);
        return scene;
    }

    public T Get<T>()
        where T : notnull => _services.GetRequiredService<T>();

    /// <summary>Starts anew over the same database, with other settings.</summary>
    public async Task Restart(Func<CompanionOptions, CompanionOptions>? change = null)
    {
        await _services.DisposeAsync();
        Time.Advance(TimeSpan.FromMinutes(3)); // The lease of the one that ended runs out.
        Options = change?.Invoke(Options) ?? Options;
        _services = Build();
    }

    /// <summary>A second process over the same database.</summary>
    public ServiceProvider Build() => new ServiceCollection()
        .AddLogging(log => log.AddProvider(new Lines(Log)))
        .AddSingleton<TimeProvider>(_engine.Time)
        .AddSparekeyEngine(new EngineOptions(_engine.Database, _engine.Keys, new Uri("https://recover.example.com"))
        {
            Egress = new EgressOptions { PrivateHosts = ["127.0.0.1"] },
            Companion = Options,
        })
        .BuildServiceProvider();

    /// <summary>Puts a secret into a file as its owner would have it.</summary>
    public string Write(string name, string content) => Write(_folder, name, content);

    /// <summary>Looks now, as somebody who asks for it has it do.</summary>
    public Task<string?> Look()
    {
        Get<PassboltClient>().TryAgain();
        return Get<PassboltCompanion>().RunOnce(CancellationToken.None);
    }

    /// <summary>Looks, and nothing goes wrong.</summary>
    public async Task Watch() => (await Look()).ShouldBeNull();

    public static Caller Programme(string name, params Permission[] permissions) => new(
        TenantId.Default, "192.0.2.9", "request-1",
        new Grant(new Principal(PrincipalKind.ServiceAccount, name, name + "'s owner"), PermissionSet.Of(permissions.Length > 0 ? permissions : Enum.GetValues<Permission>()), "admin", null));

    public async Task<Account?> AccountOf(PassboltUser user) => await Get<Acts>().Read(
        db => Get<AccountStore>().FindByExternalId(db, TenantId.Default, new ExternalId(PullPeople.Dialect, user.Id.ToString())), CancellationToken.None);

    public async Task<IReadOnlyList<Recovery>> Recoveries() =>
        await Get<ReadRecoveries>().Page(Programme("reader"), new RecoveryFilter(null, null, null), 100, CancellationToken.None);

    /// <summary>The newest recovery.</summary>
    public async Task<Recovery> Recovery() => (await Recoveries())[0];

    /// <summary>The person and an operator agree to the newest recovery.</summary>
    public async Task Agree()
    {
        var recovery = await Recovery();
        var decide = Get<DecideOnRecovery>();
        (await decide.Confirm(Programme("front"), recovery.Id, new GivenDecision(recovery.Digest), null, CancellationToken.None)).Refusal.ShouldBeNull();
        (await decide.Approve(Programme("chief"), recovery.Id, new GivenDecision(recovery.Digest), CancellationToken.None)).Refusal.ShouldBeNull();
    }

    public async Task<IReadOnlyList<JsonElement>> Ledger(LedgerEvent happened) =>
        [.. (await Get<Acts>().Read(
            db => db.List<byte[]>("SELECT body FROM ledger_entries WHERE event = @name ORDER BY at, id", new { name = WireName.Of(happened) }),
            CancellationToken.None)).Select(b => JsonDocument.Parse(b).RootElement)];

    public Task<CompanionState?> State() => Get<Acts>().Read(db => Get<CompanionStore>().Find(db, TenantId.Default), CancellationToken.None);

    public Task<long> Count(string sql) => Get<Acts>().Read(db => db.Scalar<long>(sql), CancellationToken.None);

    /// <summary>Everything in the database's files, a character a byte.</summary>
    public async Task<string> StoredBytes()
    {
        await _engine.Maintain();
        return _engine.StoredBytes();
    }

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        await _engine.DisposeAsync();
        await Passbolt.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static string Write(string folder, string name, string content)
    {
        var file = Path.Combine(folder, name);
        File.WriteAllText(file, content);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return file;
    }

    private sealed class Lines(List<string> lines) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public void Dispose()
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (lines)
            {
                lines.Add($"{logLevel} {formatter(state, exception)} {exception}");
            }
        }
    }
}
