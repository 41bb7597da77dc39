using Sparekey.Core;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Flows;

/// <summary>A settings flow to open.</summary>
/// <param name="Account">Whose settings.</param>
/// <param name="RequestUrl">How it was asked for.</param>
/// <param name="Lifetime">How long it takes changes.</param>
public sealed record NewSettingsFlow(AccountId Account, string RequestUrl, TimeSpan Lifetime)
{
    /// <summary>Whether a programme opens it, not a browser.</summary>
    public bool IsNative { get; init; }

    /// <summary>Where the person wants to be afterwards.</summary>
    public string? ReturnTo { get; init; }

    /// <summary>Where it follows a recovery: until when the person can set a credential.</summary>
    public DateTimeOffset? RecoveredUntil { get; init; }
}

/// <summary>Keeps settings flows, for acts that open one beside something else.</summary>
/// <param name="ceremonies">Where they stand.</param>
internal sealed class SettingsFlowStore(CeremonyStore ceremonies)
{
    private const string Kind = "flow.settings";

    // Who comes late is told that the flow expired and gets another; after this it was never there.
    private static readonly TimeSpan Remembered = TimeSpan.FromHours(1);

    /// <summary>Opens a flow.</summary>
    /// <param name="act">The act.</param>
    /// <param name="wanted">What to open.</param>
    public async Task<SettingsFlow> Open(Act act, NewSettingsFlow wanted)
    {
        var flow = new SettingsFlow(
            NewId.Make<EntryId>().ToString(), wanted.Account, act.Now, act.Now + wanted.Lifetime, wanted.RequestUrl)
        {
            IsNative = wanted.IsNative,
            ReturnTo = wanted.ReturnTo,
            RecoveredUntil = wanted.RecoveredUntil,
        };
        await ceremonies.Begin(
            act, Kind, flow.Id, new Ceremony<SettingsFlow>(wanted.Account, null, flow, 1), flow.ExpiresAt + Remembered);
        return flow;
    }

    /// <summary>Finds a flow, an expired one too for a while.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">Its id.</param>
    /// <param name="now">The time.</param>
    public Task<Ceremony<SettingsFlow>?> Find(DbSession db, TenantId tenant, string id, DateTimeOffset now) =>
        ceremonies.Find<SettingsFlow>(db, tenant, Kind, id, now);

    /// <summary>Writes what a submission came to. Where two come at once, the later one's outcome may stand for both.</summary>
    /// <param name="act">The act.</param>
    /// <param name="flow">The flow as it shall be.</param>
    public async Task Write(Act act, SettingsFlow flow)
    {
        if (await Find(act.Db, act.Tenant, flow.Id, act.Now) is { } found)
        {
            await ceremonies.Change(act, Kind, flow.Id, found.Version, flow);
        }
    }
}
