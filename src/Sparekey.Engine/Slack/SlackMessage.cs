using Sparekey.Core;

namespace Sparekey.Engine.Slack;

/// <summary>What somebody is asked in Slack.</summary>
internal enum SlackRole
{
    /// <summary>The person: did you ask for this?</summary>
    Person,

    /// <summary>Those who approve: approve or deny.</summary>
    Approver,
}

/// <summary>How a message to Slack stands.</summary>
internal enum SlackMessageState
{
    /// <summary>It is still to be sent.</summary>
    Waiting,

    /// <summary>It stands in Slack.</summary>
    Sent,

    /// <summary>It was tried long enough, or never can be sent.</summary>
    Dead,

    /// <summary>Before it could be sent there was nothing more to ask.</summary>
    Dropped,
}

/// <summary>One question of one recovery, put to one person or one channel.</summary>
/// <param name="Id">Its id, also Slack's <c>client_msg_id</c>.</param>
/// <param name="Recovery">The recovery.</param>
/// <param name="Account">Whose account it is about.</param>
/// <param name="Role">What is asked.</param>
/// <param name="Target">Who is asked: an account's id, or <see cref="ToChannel"/>.</param>
/// <param name="State">How it stands.</param>
/// <param name="Revision">Rises when there is something new to show.</param>
internal sealed record SlackMessage(
    MessageId Id, RecoveryId Recovery, AccountId Account, SlackRole Role, string Target, SlackMessageState State, int Revision)
{
    /// <summary>The target that is the app's channel.</summary>
    public const string ToChannel = "channel";

    /// <summary>The conversation that it stands in.</summary>
    public string? Conversation { get; init; }

    /// <summary>Which message there it is; null before it was posted.</summary>
    public string? Ts { get; init; }

    /// <summary>The hash of what it shows there.</summary>
    public string? Shown { get; init; }

    /// <summary>How often it was tried in vain.</summary>
    public int Attempts { get; init; }

    /// <summary>When it was first tried in vain.</summary>
    public DateTimeOffset? FailingSince { get; init; }

    /// <summary>Why it was tried in vain.</summary>
    public string? Fault { get; init; }

    /// <summary>When it is tried next; null when there is nothing to do.</summary>
    public DateTimeOffset? DueAt { get; init; }

    /// <summary>By which claim it is held.</summary>
    public string Claim { get; init; } = "";
}

/// <summary>A button that somebody pressed.</summary>
/// <param name="Id">The hash of the request's signature.</param>
/// <param name="Message">Under which message.</param>
/// <param name="Recovery">Which recovery the button names.</param>
/// <param name="Digest">What the message showed.</param>
/// <param name="Action">Which button.</param>
/// <param name="User">Who pressed it: a user of Slack.</param>
/// <param name="Conversation">The conversation that it stands in.</param>
/// <param name="Ts">Which message there it is.</param>
/// <param name="At">When.</param>
internal sealed record SlackPress(
    string Id, MessageId Message, RecoveryId Recovery, string Digest, SlackAction Action, string User, string Conversation, string Ts,
    DateTimeOffset At)
{
    /// <summary>By which claim it is held.</summary>
    public string Claim { get; init; } = "";
}

/// <summary>The buttons that decide something.</summary>
internal enum SlackAction
{
    /// <summary>It was me.</summary>
    Confirm,

    /// <summary>It was not me.</summary>
    NotMe,

    /// <summary>Approve.</summary>
    Approve,

    /// <summary>Deny.</summary>
    Deny,
}
