using Sparekey.Core.Recoveries;

namespace Sparekey.Server.Pages;

/// <summary>How people read the fingerprint of a request key to each other: in groups of four.</summary>
internal static class RequestKeyText
{
    private const int Group = 4;

    /// <summary>The text; null where there is no such key, or none yet.</summary>
    /// <param name="recovery">The recovery.</param>
    public static string? Of(Recovery recovery) =>
        recovery.Request is { Means: Means.Escrow, RequestKeyFingerprint: { } fingerprint }
            ? string.Join(' ', fingerprint.Chunk(Group).Select(c => new string(c)))
            : null;
}
