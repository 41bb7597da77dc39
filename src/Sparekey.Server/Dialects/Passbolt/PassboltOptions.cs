namespace Sparekey.Server.Dialects.Passbolt;

/// <summary>How the doors for Passbolt's clients are set. What a tenant is called by them is set up with <c>passbolt init</c>.</summary>
internal sealed record PassboltOptions
{
    /// <summary>Whether they are open.</summary>
    public bool Enabled { get; init; } = true;
}
