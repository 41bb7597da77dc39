namespace Sparekey.Engine.Passbolt;

/// <summary>The companion's session with its server, in memory alone.</summary>
/// <param name="Bearer">What calls carry.</param>
/// <param name="Since">When it began.</param>
internal sealed record PassboltSession(PassboltBearer Bearer, DateTimeOffset Since)
{
    /// <summary>When the access token ends; null where cookies say who calls.</summary>
    public DateTimeOffset? AccessUntil { get; init; }

    /// <summary>With which another access token is had, once.</summary>
    public string? RefreshToken { get; init; }

    /// <summary>Shows nothing.</summary>
    public override string ToString() => "[passbolt session]";
}
