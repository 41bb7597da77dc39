using Sparekey.Core;
using Sparekey.Engine.Delivery;

namespace Sparekey.Engine.PersonalCodes;

/// <summary>Tells the person that a code lets somebody sign in as them.</summary>
internal static class SignInCodeNotice
{
    /// <summary>The message, to every address that takes notices.</summary>
    /// <param name="account">Whose.</param>
    /// <param name="happened">What happened with a code: <c>issued</c> or <c>used</c>.</param>
    public static OutboxMessage Of(AccountId account, string happened) => new(MessageKind.SignInCodeNotice, account)
    {
        Values = new Dictionary<string, string>(StringComparer.Ordinal) { ["change"] = happened },
    };
}
