namespace Sparekey.Engine.Keys;

/// <summary>How far rows were sealed again.</summary>
/// <param name="Column">Which of the columns is next.</param>
/// <param name="Row">The last row of it that was looked at; empty for none.</param>
public sealed record SealedPlace(int Column, string Row);

/// <summary>Rows that are sealed for good: when the key ring rotates they are sealed again at once, so that the old key can go.</summary>
public interface ISealed
{
    /// <summary>Seals rows of the act's tenant again under the active version: a part of them, so that nobody waits long for the writer.</summary>
    /// <param name="act">The act.</param>
    /// <param name="after">Where the part before ended; null to begin.</param>
    /// <param name="limit">How many rows at most.</param>
    /// <returns>Where this part ended; null at the end.</returns>
    Task<SealedPlace?> SealAgain(Act act, SealedPlace? after, int limit);
}
