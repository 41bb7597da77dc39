using System.Security.Cryptography;
using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Sessions;

/// <summary>
/// Tokens in the form of another product, each of which stands for one session. They are stored as hashes, and are worth something as
/// long as the session lives.
/// </summary>
/// <param name="ceremonies">Where they stand.</param>
internal sealed class SessionAliases(CeremonyStore ceremonies)
{
    private const string Kind = "session.alias";
    private const int Length = 32; // 190 bits.
    private const int LongestPrefix = 16;
    private const string LettersAndDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    /// <summary>Makes one.</summary>
    /// <param name="act">The act.</param>
    /// <param name="session">The session.</param>
    /// <param name="prefix">What it begins with.</param>
    /// <returns>The token, which is nowhere else.</returns>
    public async Task<SecretText> Mint(Act act, SessionId session, string prefix)
    {
        var token = prefix + RandomNumberGenerator.GetString(LettersAndDigits, Length);
        await ceremonies.Begin(act, Kind, token, new Ceremony<SessionId>(null, null, session, 1), act.Now + Session.LongestLifetime);
        return new SecretText(token);
    }

    /// <summary>The session that a token stands for; null for every other text.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="token">The token.</param>
    /// <param name="now">The time.</param>
    public async Task<SessionId?> Find(DbSession db, TenantId tenant, SecretText token, DateTimeOffset now) =>
        token.Reveal() is { Length: >= Length and <= Length + LongestPrefix } text
            ? (await ceremonies.Find<SessionId>(db, tenant, Kind, text, now))?.State
            : null;
}
