using Microsoft.Win32.SafeHandles;

namespace Sparekey.Engine.Credentials.Escrow.OpenPgp;

/// <summary>A context of librnp with its keys.</summary>
internal sealed class FfiHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle() => Rnp.rnp_ffi_destroy(handle) == Rnp.Success;
}

/// <summary>What an operation reads.</summary>
internal sealed class InputHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle() => Rnp.rnp_input_destroy(handle) == Rnp.Success;
}

/// <summary>What an operation writes.</summary>
internal sealed class OutputHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle() => Rnp.rnp_output_destroy(handle) == Rnp.Success;
}

/// <summary>One key of a context.</summary>
internal sealed class KeyHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle() => Rnp.rnp_key_handle_destroy(handle) == Rnp.Success;
}

/// <summary>A walk over the keys of a context.</summary>
internal sealed class IteratorHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle() => Rnp.rnp_identifier_iterator_destroy(handle) == Rnp.Success;
}

/// <summary>The making of a key.</summary>
internal sealed class GenerateHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle() => Rnp.rnp_op_generate_destroy(handle) == Rnp.Success;
}

/// <summary>An encryption.</summary>
internal sealed class EncryptHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle() => Rnp.rnp_op_encrypt_destroy(handle) == Rnp.Success;
}

/// <summary>A signing.</summary>
internal sealed class SignHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle() => Rnp.rnp_op_sign_destroy(handle) == Rnp.Success;
}

/// <summary>A decryption or verification.</summary>
internal sealed class VerifyHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle() => Rnp.rnp_op_verify_destroy(handle) == Rnp.Success;
}
