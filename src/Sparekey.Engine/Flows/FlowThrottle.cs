using Sparekey.Core;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Flows;

/// <summary>
/// Slows new flows for one address: a flow takes few codes, so that what limits guessing and unwanted mail is how many flows there can
/// be. It counts what was typed, whether or not it is anybody's, and it voids nothing: a code that was sent goes on being good.
/// </summary>
/// <param name="throttle">Counts.</param>
internal sealed class FlowThrottle(Throttle throttle)
{
    /// <summary>How many times an hour one address can be asked for in all.</summary>
    public static readonly ThrottleLimit Requests = new(30, TimeSpan.FromHours(1));

    /// <summary>How many wrong codes an hour the flows of one address take together before it can be asked for again.</summary>
    public static readonly ThrottleLimit WrongCodes = new(20, TimeSpan.FromHours(1));

    private const string Everybody = "*";

    /// <summary>Counts a request.</summary>
    /// <param name="act">The act.</param>
    /// <param name="typed">The address.</param>
    /// <param name="source">Where it came from.</param>
    /// <returns>Null, or <see cref="RefusalCode.TooManyRequests"/> with when to come back.</returns>
    public async Task<Refusal?> Ask(Act act, string typed, string source) =>
        await throttle.Count(act, ThrottleKind.RecoveryRequest, typed, source)
        ?? await throttle.Look(act, ThrottleKind.FlowTry, typed, Everybody, WrongCodes)
        ?? await throttle.Count(act, ThrottleKind.FlowRequest, typed, Everybody, Requests);

    /// <summary>Counts a wrong code.</summary>
    /// <param name="act">The act.</param>
    /// <param name="flow">The flow that it was given to.</param>
    public Task CountWrong(Act act, RecoveryFlow flow) => flow.Typed is { } typed
        ? throttle.Count(act, ThrottleKind.FlowTry, typed, Everybody, WrongCodes)
        : Task.CompletedTask;
}
