using Sparekey.Core;
using Sparekey.Core.Recoveries;

namespace Sparekey.Engine.Flows;

/// <summary>Where a recovery flow stands.</summary>
public enum RecoveryFlowState
{
    /// <summary>It waits for an address, or for the token of a link that an operator asked for.</summary>
    ChooseMethod,

    /// <summary>What it sends was sent, where the address is one that we know; or an operator has it.</summary>
    SentEmail,

    /// <summary>It opened a session. Final.</summary>
    PassedChallenge,
}

/// <summary>What a flow tells whoever looks at it.</summary>
public enum FlowNoteKind
{
    /// <summary>A link was sent, if there is such an account.</summary>
    LinkSent,

    /// <summary>A code was sent, if there is such an account.</summary>
    CodeSent,

    /// <summary>The code is wrong, expired, or none of this flow any more: nobody outside learns which.</summary>
    CodeWrong,

    /// <summary>The code of the flow before this one was used.</summary>
    CodeUsed,

    /// <summary>The flow before this one took as many codes as it takes.</summary>
    TooOften,

    /// <summary>The token of a link is wrong, used, or another flow's.</summary>
    TokenInvalid,

    /// <summary>The flow before this one ran out, or its link did.</summary>
    Expired,

    /// <summary>The account is disabled. Only who proved to be its person learns it.</summary>
    AccountDisabled,

    /// <summary>The flow before this one had ended well.</summary>
    Completed,

    /// <summary>No address was given.</summary>
    EmailMissing,

    /// <summary>What was given is no address.</summary>
    EmailInvalid,

    /// <summary>Nothing took what was submitted.</summary>
    NotTaken,
}

/// <summary>One thing that a flow tells.</summary>
/// <param name="Kind">What.</param>
public sealed record FlowNote(FlowNoteKind Kind)
{
    /// <summary>What was typed, where that is what it is about.</summary>
    public string? Value { get; init; }

    /// <summary>When the flow before it ran out.</summary>
    public DateTimeOffset? At { get; init; }
}

/// <summary>
/// The recovery of a flow, and the keyed hash of the secret that the flow takes. It stands in the flow alone, so that the secret is worth
/// something only to who also knows the flow; and it is worth something as long as its generation lives.
/// </summary>
/// <param name="Recovery">The recovery.</param>
/// <param name="Account">Whose.</param>
/// <param name="Generation">Of which generation; 0 as long as none was issued into the flow.</param>
/// <param name="ExpiresAt">When that ends.</param>
public sealed record FlowSecret(RecoveryId Recovery, AccountId Account, int Generation, DateTimeOffset ExpiresAt)
{
    /// <summary>The version of the hash's key.</summary>
    public int KeyVersion { get; init; }

    /// <summary>The hash; empty as long as there is none.</summary>
    public byte[] Mac { get; init; } = [];

    /// <summary>The address that it went to; null where an operator has it.</summary>
    public AddressId? Address { get; init; }
}

/// <summary>
/// A visit of somebody who lost their account: a protocol's form that was opened, and what it came to. It proves nothing; the recovery
/// behind it begins when an account is named, and whoever looks at the flow cannot tell whether there is one.
/// </summary>
/// <param name="Id">Its id: a UUID of 122 random bits, in lower case. Tries that come with it count against the flow.</param>
/// <param name="IssuedAt">When it was opened.</param>
/// <param name="ExpiresAt">Until when it takes anything.</param>
/// <param name="RequestUrl">How it was asked for.</param>
public sealed record RecoveryFlow(string Id, DateTimeOffset IssuedAt, DateTimeOffset ExpiresAt, string RequestUrl)
{
    /// <summary>What it sends: a code or a link.</summary>
    public Means Uses { get; init; } = Means.Code;

    /// <summary>Where it stands.</summary>
    public RecoveryFlowState State { get; init; }

    /// <summary>Whether a programme opened it, not a browser.</summary>
    public bool IsNative { get; init; }

    /// <summary>Whether an operator opened it for an account. It takes no address.</summary>
    public bool ByOperator { get; init; }

    /// <summary>Whether it ends without a settings flow.</summary>
    public bool SkipsSettings { get; init; }

    /// <summary>Where the person wants to be afterwards; null where that was not said.</summary>
    public string? ReturnTo { get; init; }

    /// <summary>What a browser's submission must bring, base64; null for a programme.</summary>
    public string? Csrf { get; init; }

    /// <summary>The address that was typed.</summary>
    public string? Typed { get; init; }

    /// <summary>How many codes it was given, right or wrong.</summary>
    public int Submissions { get; init; }

    /// <summary>What it tells; null for nothing.</summary>
    public FlowNote? Note { get; init; }

    /// <summary>The recovery behind it. Nothing of it leaves the engine.</summary>
    public FlowSecret? Secret { get; init; }

    /// <summary>When its secret ends: with the flow at the latest.</summary>
    internal DateTimeOffset SecretEnds => Secret is { } secret && secret.ExpiresAt < ExpiresAt ? secret.ExpiresAt : ExpiresAt;

    /// <summary>Whether its time passed.</summary>
    /// <param name="now">The time.</param>
    public bool IsOver(DateTimeOffset now) => now >= ExpiresAt;

    /// <summary>Shows nothing of what it holds.</summary>
    public override string ToString() => $"[flow {Id}]";
}

/// <summary>A recovery flow to open.</summary>
/// <param name="RequestUrl">How it was asked for.</param>
/// <param name="Uses">What it sends.</param>
/// <param name="Lifetime">How long it lasts.</param>
public sealed record NewRecoveryFlow(string RequestUrl, Means Uses, TimeSpan Lifetime)
{
    /// <summary>Whether a programme opens it, not a browser.</summary>
    public bool IsNative { get; init; }

    /// <summary>Whether it ends without a settings flow.</summary>
    public bool SkipsSettings { get; init; }

    /// <summary>Where the person wants to be afterwards.</summary>
    public string? ReturnTo { get; init; }

    /// <summary>What a browser's submission must bring; null for a programme.</summary>
    public string? Csrf { get; init; }

    /// <summary>What it tells from the beginning.</summary>
    public FlowNote? Note { get; init; }

    /// <summary>Shows nothing of what it holds.</summary>
    public override string ToString() => "[new flow]";
}
