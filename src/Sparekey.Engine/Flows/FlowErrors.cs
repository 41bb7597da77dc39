using Sparekey.Core;
using Sparekey.Engine.Access;
using Sparekey.Engine.Ceremonies;

namespace Sparekey.Engine.Flows;

/// <summary>An error that a browser was sent away with, for the page that shows it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Body">The error, as the protocol's own JSON.</param>
/// <param name="At">When it happened.</param>
public sealed record FlowError(string Id, string Body, DateTimeOffset At);

/// <summary>Keeps errors for the pages that browsers are sent to with them.</summary>
public sealed class FlowErrors
{
    private const string Kind = "flow.error";

    private static readonly TimeSpan Kept = TimeSpan.FromHours(1);

    private readonly Acts _acts;
    private readonly CeremonyStore _ceremonies;

    internal FlowErrors(Acts acts, CeremonyStore ceremonies) => (_acts, _ceremonies) = (acts, ceremonies);

    /// <summary>Keeps one for an hour.</summary>
    /// <param name="visitor">From where.</param>
    /// <param name="body">The error.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>Its id.</returns>
    public Task<string> Keep(Visitor visitor, string body, CancellationToken cancellationToken) => _acts.Write(
        visitor.Tenant,
        async act =>
        {
            var error = new FlowError(NewId.Make<EntryId>().ToString(), body, act.Now);
            await _ceremonies.Begin(act, Kind, error.Id, new Ceremony<FlowError>(null, null, error, 1), act.Now + Kept);
            return error.Id;
        },
        cancellationToken);

    /// <summary>Finds one.</summary>
    /// <param name="visitor">From where.</param>
    /// <param name="id">Its id.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The error; null when there is none.</returns>
    public async Task<FlowError?> Find(Visitor visitor, string id, CancellationToken cancellationToken) =>
        (await _acts.Read(db => _ceremonies.Find<FlowError>(db, visitor.Tenant, Kind, id, _acts.Now), cancellationToken))?.State;
}
