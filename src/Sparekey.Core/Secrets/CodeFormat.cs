namespace Sparekey.Core.Secrets;

/// <summary>The form of a code.</summary>
public enum CodeFormat
{
    /// <summary>6 to 10 decimal digits.</summary>
    Digits,

    /// <summary>10 Crockford base-32 characters in two groups.</summary>
    Letters,

    /// <summary>32 base64url characters.</summary>
    Long,

    /// <summary>16 decimal digits in groups of four.</summary>
    Grouped,

    /// <summary>Words from a list, at least 64 bits.</summary>
    Phrase,
}
