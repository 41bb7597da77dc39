using Sparekey.Core;

namespace Sparekey.Engine.Credentials.Escrow.Identity;

/// <summary>Why nobody is signed in with an OpenPGP key: a closed set, whose snake_case names are the rules of the refusals.</summary>
public enum SignInFault
{
    /// <summary>No active account has such a key, or such an id and a key.</summary>
    UserUnknown,

    /// <summary>What came is not what is to come: no message to this server, or another content.</summary>
    Malformed,

    /// <summary>The nonce is not one that was given for this key, or its time is over, or it was used.</summary>
    NonceInvalid,

    /// <summary>The person's key did not sign.</summary>
    SignatureInvalid,

    /// <summary>It was made for another server.</summary>
    WrongDomain,

    /// <summary>Its time is over, or further away than is allowed.</summary>
    Expired,

    /// <summary>It was used before.</summary>
    Used,
}

/// <summary>Refusals of signing in.</summary>
internal static class SignInFaults
{
    /// <summary>The refusal of a fault.</summary>
    /// <param name="fault">The fault.</param>
    public static Refusal Of(SignInFault fault) => new(RefusalCode.SignInFailed)
    {
        Faults = [new FieldFault("", Detail(fault), WireName.Of(fault))],
    };

    /// <summary>
    /// Whether only somebody who attacks comes to it: a message that another server was meant to get, one that was used or is over, one that
    /// the person did not sign.
    /// </summary>
    /// <param name="fault">The fault.</param>
    public static bool IsAttack(SignInFault fault) =>
        fault is SignInFault.SignatureInvalid or SignInFault.WrongDomain or SignInFault.Expired or SignInFault.Used;

    private static string Detail(SignInFault fault) => fault switch
    {
        SignInFault.UserUnknown => "There is no user of this key.",
        SignInFault.Malformed => "It is not what is asked for.",
        SignInFault.NonceInvalid => "The token is not valid, or has expired.",
        SignInFault.SignatureInvalid => "The user's key did not sign it.",
        SignInFault.WrongDomain => "It was made for another server.",
        SignInFault.Expired => "It has expired, or ends too late.",
        SignInFault.Used => "It was used before.",
    };
}
