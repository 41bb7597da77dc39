using Microsoft.Extensions.DependencyInjection;
using Sparekey.Core;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.Identity;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Credentials.ExternalLogins;
using Sparekey.Engine.Credentials.Passwords;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Flows;
using Sparekey.Engine.Incidents;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Ledger;
using Sparekey.Engine.Passbolt;
using Sparekey.Engine.PersonalCodes;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Registrations;
using Sparekey.Engine.Reminders;
using Sparekey.Engine.Sessions;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Slack;
using Sparekey.Engine.Storage;
using Sparekey.Engine.Tokens;
using Sparekey.Engine.Webhooks;

namespace Sparekey.Engine;

/// <summary>What the engine is given by the host.</summary>
/// <param name="Database">Open and migrated storage.</param>
/// <param name="Keys">The key ring.</param>
/// <param name="Origin">The public origin, for example <c>https://recover.example.com</c>; links and problem types begin with it.</param>
public sealed record EngineOptions(Database Database, KeyRing Keys, Uri Origin)
{
    /// <summary>What passwords must be.</summary>
    public PasswordOptions Passwords { get; init; } = new();

    /// <summary>The mail server; null when there is none, and messages wait.</summary>
    public MailOptions? Mail { get; init; }

    /// <summary>Who sends text messages and calls telephones; null when nobody does.</summary>
    public PhoneOptions? Phone { get; init; }

    /// <summary>Whose organisation keys the server holds; nobody's where it is not said.</summary>
    public EscrowKeyOptions EscrowKeys { get; init; } = new(new Dictionary<TenantId, EscrowKeyFiles>());

    /// <summary>Which notices of escrow operators do not get.</summary>
    public EscrowMailOptions EscrowMails { get; init; } = new(new HashSet<EscrowNews>());

    /// <summary>The Passbolt server that is watched; null for none.</summary>
    public CompanionOptions? Companion { get; init; }

    /// <summary>What is a matter of choice about escrow.</summary>
    public EscrowOptions Escrow { get; init; } = new();

    /// <summary>The key file of an installation that several processes share; null where one process alone uses it.</summary>
    public KeyRingFile? SharedKeyFile { get; init; }

    /// <summary>Whom the server may call.</summary>
    public EgressOptions Egress { get; init; } = new();
}

/// <summary>Puts the engine together: one line per feature.</summary>
public static class EngineRegistration
{
    /// <summary>Registers the engine's use cases. <see cref="TimeProvider"/> and logging come from the host.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="options">Storage, keys and origin.</param>
    public static IServiceCollection AddSparekeyEngine(this IServiceCollection services, EngineOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton(options.Database);
        services.AddSingleton(options.Keys);
        services.AddSingleton<LedgerWriter>();
        services.AddDelivery();
        services.AddSingleton<Acts>();
        services.AddPolicies();
        services.AddSingleton<LedgerSequencer>();
        services.AddSingleton<LedgerFeed>();
        services.AddSingleton<ReadLedger>();
        services.AddSingleton<SigningKeys>();
        services.AddSingleton<KeysInUse>();
        services.AddSingleton<RotateKeys>();
        if (options.SharedKeyFile is { } keyFile)
        {
            services.AddSingleton(keyFile);
            services.AddSingleton<LiveProcesses>();
            services.AddSingleton<FollowKeyFile>();
        }

        services.AddSingleton<PasswordHashing>();
        services.AddSingleton(options.Passwords);
        services.AddSingleton<CeremonyStore>();
        services.AddSingleton<SpendOnce>();
        services.AddAccess();
        services.AddAccounts();
        services.AddRecoveries();
        services.AddSessions();
        services.AddRegistrations();
        services.AddPersonalCodes();
        services.AddExternalLogins();
        services.AddSettingsFlows();
        services.AddRecoveryFlows();
        services.AddWebhooks();
        services.AddIncidents();
        services.AddReminders();
        services.AddSlack();
        services.AddEscrow(options.Escrow);
        services.AddEscrowRequests(options.EscrowKeys, options.EscrowMails);
        services.AddEscrowIdentity();
        services.AddPassboltCompanion(options.Companion);
        services.AddSingleton<Housekeeping>();
        return services;
    }
}
