namespace Sparekey.Engine.Passbolt;

/// <summary>
/// Single things that a Passbolt server fails at: a person whom it cannot mail, a request that it cannot show, an answer that it refuses.
/// Each is tried again more and more rarely, so that none of them stands in the way of the others, and while one is left what went wrong
/// with it is what went wrong. Not for two at once.
/// </summary>
internal sealed class Stumbles
{
    private const int Most = 1000;

    private static readonly TimeSpan First = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    private readonly Dictionary<Guid, Stumble> _left = [];
    private readonly HashSet<Guid> _met = [];

    /// <summary>What went wrong with one that is left; null where none is.</summary>
    public PassboltFault? Fault => _left.Values.Select(s => (PassboltFault?)s.Fault).FirstOrDefault();

    /// <summary>A look begins.</summary>
    public void Begin() => _met.Clear();

    /// <summary>A look came to its end: what it did not meet is no more.</summary>
    public void End()
    {
        foreach (var gone in _left.Keys.Where(k => !_met.Contains(k)).ToList())
        {
            _left.Remove(gone);
        }
    }

    /// <summary>Whether a thing may be tried now.</summary>
    /// <param name="id">Which.</param>
    /// <param name="now">The time.</param>
    public bool MayTry(Guid id, DateTimeOffset now)
    {
        _met.Add(id);
        return !_left.TryGetValue(id, out var stumble) || now >= stumble.Until || stumble.Until - now > Longest;
    }

    /// <summary>It went wrong.</summary>
    /// <param name="id">Which.</param>
    /// <param name="fault">How.</param>
    /// <param name="now">The time.</param>
    public void Failed(Guid id, PassboltFault fault, DateTimeOffset now)
    {
        if (_left.Count >= Most)
        {
            _left.Clear(); // Whoever fills this up is asked anew, which does no harm but calls.
        }

        var pause = _left.TryGetValue(id, out var former) ? former.Pause * 2 : First;
        pause = pause < Longest ? pause : Longest;
        _left[id] = new Stumble(fault, pause, now + pause);
    }

    /// <summary>It is done.</summary>
    /// <param name="id">Which.</param>
    public void Done(Guid id) => _left.Remove(id);

    private sealed record Stumble(PassboltFault Fault, TimeSpan Pause, DateTimeOffset Until);
}
