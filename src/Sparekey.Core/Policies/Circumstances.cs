using System.Collections.Immutable;
using System.Net;
using Sparekey.Core.Access;

namespace Sparekey.Core.Policies;

/// <summary>What a caller says of the risk it sees. Policy may ask for more because of it, never for less.</summary>
/// <param name="Score">0 to 100; null when the caller gives none.</param>
/// <param name="Signs">What it saw, by names of the team's own: <c>new_device</c>.</param>
public sealed record Risk(int? Score, ImmutableArray<string> Signs)
{
    /// <summary>What is wrong with it.</summary>
    /// <param name="pointer">Where it stands in what was sent: a JSON pointer.</param>
    /// <returns>Null, or <see cref="RefusalCode.InvalidRequest"/> with every fault.</returns>
    public Refusal? FaultAt(string pointer)
    {
        var faults = new List<FieldFault>();
        if (Score is < 0 or > 100)
        {
            faults.Add(new FieldFault($"{pointer}/score", "0 to 100."));
        }

        if (Signs.Length > 20 || !Signs.All(PolicyReader.IsName))
        {
            faults.Add(new FieldFault($"{pointer}/signs", "At most 20 names."));
        }

        return faults.Count == 0 ? null : new Refusal(RefusalCode.InvalidRequest) { Faults = faults };
    }
}

/// <summary>What is known of how a recovery was asked for, beyond what for.</summary>
/// <param name="Requester">The requesting principal.</param>
/// <param name="Owner">The owner of the requesting programme.</param>
/// <param name="Source">From which network address; null when nobody knows.</param>
/// <param name="Risk">What the caller says of the risk.</param>
public sealed record Circumstances(string? Requester = null, string? Owner = null, IPAddress? Source = null, Risk? Risk = null)
{
    /// <summary>The circumstances of a request.</summary>
    /// <param name="by">Who asks.</param>
    /// <param name="source">From which network address, as it is written; null, or none, when nobody knows.</param>
    /// <param name="risk">What they say of the risk.</param>
    public static Circumstances Of(Principal by, string? source, Risk? risk = null) =>
        new(by.Id, by.OwnerId, IPAddress.TryParse(source, out var address) ? address : null, risk);
}
