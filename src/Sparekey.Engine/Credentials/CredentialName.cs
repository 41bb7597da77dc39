using Sparekey.Core;

namespace Sparekey.Engine.Credentials;

/// <summary>What a person may call a credential.</summary>
internal static class CredentialName
{
    /// <summary>The longest, in UTF-16 units.</summary>
    public const int Longest = 64;

    /// <summary>Whether a name can be taken.</summary>
    /// <param name="name">The name; null for none.</param>
    /// <returns>Null, or <see cref="RefusalCode.InvalidRequest"/>.</returns>
    public static Refusal? Check(string? name) => name is null || (name.Length <= Longest && !string.IsNullOrWhiteSpace(name))
        ? null
        : new Refusal(RefusalCode.InvalidRequest) { Faults = [new FieldFault("/name", $"1 to {Longest} characters.")] };
}
