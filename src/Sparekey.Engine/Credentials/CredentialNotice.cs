using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Delivery;

namespace Sparekey.Engine.Credentials;

/// <summary>Tells the person that a credential of theirs changed without a recovery (ASVS 6.3.7, SP 800-63B-4 §4.1.2.1).</summary>
internal static class CredentialNotice
{
    /// <summary>The message, to every address that takes notices.</summary>
    /// <param name="account">Whose.</param>
    /// <param name="kind">What kind of credential.</param>
    /// <param name="change">What happened to it: <c>added</c>, <c>changed</c> or <c>removed</c>.</param>
    public static OutboxMessage Of(AccountId account, CredentialKind kind, string change) =>
        new(MessageKind.CredentialChangedNotice, account)
        {
            Values = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["credential"] = WireName.Of(kind),
                ["change"] = change,
            },
        };
}
