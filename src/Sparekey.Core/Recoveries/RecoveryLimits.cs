namespace Sparekey.Core.Recoveries;

/// <summary>The figures of design and standards that no policy loosens.</summary>
public static class RecoveryLimits
{
    /// <summary>How long a recovery stays open unless policy says otherwise.</summary>
    public static readonly TimeSpan OpenFor = TimeSpan.FromHours(72);

    /// <summary>How long before a recovery's time is over those are reminded who have not answered.</summary>
    public static readonly TimeSpan RemindBefore = TimeSpan.FromHours(24);

    /// <summary>How long a redemption lasts.</summary>
    public static readonly TimeSpan RedemptionFor = TimeSpan.FromMinutes(15);

    /// <summary>How far the clocks of machines that share a database may differ.</summary>
    public static readonly TimeSpan ClocksDiffer = TimeSpan.FromMinutes(5);

    /// <summary>How often one generation may be redeemed: a broken page or a lost answer must not lock anybody out.</summary>
    public const int RedemptionsPerSecret = 5;

    /// <summary>Wrong tries in all, whatever they knew, before a code must be issued again (N18).</summary>
    public const int Tries = 100;

    /// <summary>Wrong tries among them by whoever holds the recovery's own handle.</summary>
    public const int TriesByHandle = 5;

    /// <summary>How many saved recovery codes a person gets at once.</summary>
    public const int SavedCodes = 12;

    /// <summary>From how many saved recovery codes on the person is told that they run out.</summary>
    public const int FewSavedCodes = 3;

    /// <summary>How long a saved recovery code can be typed again after it was first redeemed.</summary>
    public static readonly TimeSpan SavedCodeFor = TimeSpan.FromHours(1);

    /// <summary>How often a person is asked within <see cref="AsksWithin"/> to confirm what others opened (A18).</summary>
    public const int AsksOfPerson = 5;

    /// <summary>Within which time these are counted.</summary>
    public static readonly TimeSpan AsksWithin = TimeSpan.FromHours(1);

    /// <summary>How many digits a code has that is typed within minutes (N6).</summary>
    public const int ShortCodeDigits = 6;

    /// <summary>How long a principal who was recovered cannot decide on others.</summary>
    public static readonly TimeSpan DecidesAgainAfter = TimeSpan.FromHours(72);

    /// <summary>The lifetime of a secret when the caller names none.</summary>
    /// <param name="channel">How it reaches the person.</param>
    public static TimeSpan DefaultLifetime(Channel channel) => channel switch
    {
        Channel.Return or Channel.Email => TimeSpan.FromHours(1),
        Channel.Voice or Channel.Sms or Channel.Call => TimeSpan.FromMinutes(10),
    };

    /// <summary>The longest lifetime of a secret (N7, A14).</summary>
    /// <param name="channel">How it reaches the person.</param>
    public static TimeSpan LongestLifetime(Channel channel) => channel switch
    {
        Channel.Return or Channel.Email => TimeSpan.FromHours(24),
        Channel.Voice or Channel.Sms or Channel.Call => TimeSpan.FromMinutes(10),
    };
}
