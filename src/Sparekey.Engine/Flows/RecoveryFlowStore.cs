using Sparekey.Core;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Flows;

/// <summary>Keeps recovery flows.</summary>
/// <param name="ceremonies">Where they stand.</param>
internal sealed class RecoveryFlowStore(CeremonyStore ceremonies)
{
    private const string Kind = "flow.recovery";

    // Who comes late is told that the flow expired and gets another; after this it was never there. Strangers open flows as they like, so
    // that theirs are forgotten sooner than an operator's.
    private static readonly TimeSpan Remembered = TimeSpan.FromHours(1);
    private static readonly TimeSpan RememberedForOperators = TimeSpan.FromHours(24);

    /// <summary>Opens a flow.</summary>
    /// <param name="act">The act.</param>
    /// <param name="wanted">What to open.</param>
    public async Task<RecoveryFlow> Open(Act act, NewRecoveryFlow wanted)
    {
        var flow = new RecoveryFlow(NewId.Make<EntryId>().ToString(), act.Now, act.Now + wanted.Lifetime, wanted.RequestUrl)
        {
            Uses = wanted.Uses,
            IsNative = wanted.IsNative,
            SkipsSettings = wanted.SkipsSettings,
            ReturnTo = wanted.ReturnTo,
            Csrf = wanted.Csrf,
            Note = wanted.Note,
        };
        await Insert(act, flow);
        return flow;
    }

    /// <summary>Writes a flow that was not there before.</summary>
    /// <param name="act">The act.</param>
    /// <param name="flow">The flow.</param>
    public Task<int> Insert(Act act, RecoveryFlow flow) =>
        ceremonies.Begin(
            act, Kind, flow.Id, new Ceremony<RecoveryFlow>(null, null, flow, 1),
            flow.ExpiresAt + (flow.ByOperator ? RememberedForOperators : Remembered));

    /// <summary>Finds a flow, an expired one too for a while.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">Its id.</param>
    /// <param name="now">The time.</param>
    public Task<Ceremony<RecoveryFlow>?> Find(DbSession db, TenantId tenant, string id, DateTimeOffset now) =>
        ceremonies.Find<RecoveryFlow>(db, tenant, Kind, id, now);

    /// <summary>Writes the next state of a flow over the one that was found in the same act.</summary>
    /// <param name="act">The act.</param>
    /// <param name="found">What was found.</param>
    /// <param name="next">The flow as it shall be.</param>
    /// <exception cref="InvalidOperationException">Somebody changed it within the same transaction: a bug.</exception>
    public async Task<RecoveryFlow> Write(Act act, Ceremony<RecoveryFlow> found, RecoveryFlow next)
    {
        if (!await ceremonies.Change(act, Kind, next.Id, found.Version, next))
        {
            throw new InvalidOperationException($"The flow {next.Id} is not at version {found.Version} any more.");
        }

        return next;
    }
}
