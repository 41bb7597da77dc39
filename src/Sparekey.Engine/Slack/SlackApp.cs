using Sparekey.Core;
using Sparekey.Core.Secrets;

namespace Sparekey.Engine.Slack;

/// <summary>A tenant's app in Slack: through it people are asked.</summary>
/// <param name="Tenant">The tenant.</param>
/// <param name="BaseUrl">Where Slack's Web API is, with a slash at its end.</param>
/// <param name="ChangedAt">When somebody changed it last.</param>
/// <param name="Version">Rises by one with every change.</param>
public sealed record SlackApp(TenantId Tenant, Uri BaseUrl, DateTimeOffset ChangedAt, int Version)
{
    /// <summary>Slack's own Web API.</summary>
    public static readonly Uri Slack = new("https://slack.com/api/");

    /// <summary>The channel in which approvers are asked: its id in Slack; null for none.</summary>
    public string? Channel { get; init; }

    /// <summary>The group whose operators are asked one by one; null for none.</summary>
    public string? ApproverGroup { get; init; }

    /// <summary>
    /// Whether a button in the chat approves. Otherwise it opens the operators' page, where a passkey does, and the chat message holds
    /// no authority.
    /// </summary>
    public bool ApproveInChat { get; init; }

    /// <summary>The workspace that the token is for; null until Slack was asked.</summary>
    public string? Team { get; init; }

    /// <summary>The organisation that the workspace belongs to.</summary>
    public string? Enterprise { get; init; }

    /// <summary>How far in the ledger messages were made.</summary>
    internal long Position { get; init; }

    /// <summary>The sealed secrets.</summary>
    internal byte[] Sealed { get; init; } = [];
}

/// <summary>What a tenant's app in Slack shall be; what is null stays, and an empty text takes away.</summary>
public sealed record SlackOrder
{
    /// <summary>Where Slack's Web API is.</summary>
    public string? BaseUrl { get; init; }

    /// <summary>The bot token.</summary>
    public SecretText? BotToken { get; init; }

    /// <summary>The signing secret.</summary>
    public SecretText? SigningSecret { get; init; }

    /// <summary>The channel.</summary>
    public string? Channel { get; init; }

    /// <summary>The group.</summary>
    public string? ApproverGroup { get; init; }

    /// <summary>Whether a button in the chat approves.</summary>
    public bool? ApproveInChat { get; init; }
}

/// <summary>What Slack says of a token.</summary>
/// <param name="Ok">Whether it takes it.</param>
/// <param name="Fault">What it says otherwise; <c>unreachable</c>, <c>timed_out</c> and the like where it says nothing.</param>
/// <param name="Team">The workspace.</param>
/// <param name="Bot">The bot's user.</param>
public sealed record SlackCheck(bool Ok, string? Fault, string? Team, string? Bot);

/// <summary>The two secrets of an app.</summary>
/// <param name="BotToken">With which Slack is called.</param>
/// <param name="SigningSecret">With which Slack signs.</param>
internal sealed record SlackSecrets(string BotToken, string SigningSecret)
{
    /// <summary>Shows nothing.</summary>
    public override string ToString() => "[slack]";
}
