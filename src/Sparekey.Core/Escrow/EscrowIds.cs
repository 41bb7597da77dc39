namespace Sparekey.Core.Escrow;

/// <summary>The id of an organisation's policy of escrow, as it stood for a while.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct EscrowPolicyId(Guid Value) : IId<EscrowPolicyId>
{
    /// <inheritdoc/>
    public static EscrowPolicyId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of an organisation key.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct EscrowKeyId(Guid Value) : IId<EscrowKeyId>
{
    /// <inheritdoc/>
    public static EscrowKeyId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a person's decision about escrow.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct EnrolmentId(Guid Value) : IId<EnrolmentId>
{
    /// <inheritdoc/>
    public static EnrolmentId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a private key in escrow.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct PrivateKeyId(Guid Value) : IId<PrivateKeyId>
{
    /// <inheritdoc/>
    public static PrivateKeyId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a message that holds the secret of a private key in escrow.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct EscrowPasswordId(Guid Value) : IId<EscrowPasswordId>
{
    /// <inheritdoc/>
    public static EscrowPasswordId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a person's OpenPGP key.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct PersonKeyId(Guid Value) : IId<PersonKeyId>
{
    /// <inheritdoc/>
    public static PersonKeyId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a rotation of the organisation key.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct RotationId(Guid Value) : IId<RotationId>
{
    /// <inheritdoc/>
    public static RotationId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a drill.</summary>
/// <param name="Value">The UUID.</param>
public readonly record struct DrillId(Guid Value) : IId<DrillId>
{
    /// <inheritdoc/>
    public static DrillId From(Guid value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("D");
}
