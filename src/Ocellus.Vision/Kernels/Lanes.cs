using System.Runtime.Intrinsics;

namespace Ocellus.Vision.Kernels;

/// <summary>Vectors of one width, so that a loop is written once and compiled for each width.</summary>
internal interface ILanes<TVector>
    where TVector : struct
{
    /// <summary>Values in a vector.</summary>
    static abstract int Count { get; }

    static abstract TVector Load(ref readonly float from, nuint offset);

    static abstract void Store(TVector value, ref float to, nuint offset);

    /// <summary>The same value in every place.</summary>
    static abstract TVector Create(float value);

    /// <summary>a · b + c, rounded once.</summary>
    static abstract TVector MultiplyAdd(TVector a, TVector b, TVector c);

    /// <summary>
    /// Limited to <paramref name="low"/> … <paramref name="high"/>. NaN stays NaN: the processor's minimum and maximum then return the second operand.
    /// </summary>
    static abstract TVector Clamp(TVector value, TVector low, TVector high);
}

/// <summary>Eight values.</summary>
internal readonly struct Lanes256 : ILanes<Vector256<float>>
{
    public static int Count => Vector256<float>.Count;

    public static Vector256<float> Load(ref readonly float from, nuint offset) => Vector256.LoadUnsafe(in from, offset);

    public static void Store(Vector256<float> value, ref float to, nuint offset) => value.StoreUnsafe(ref to, offset);

    public static Vector256<float> Create(float value) => Vector256.Create(value);

    public static Vector256<float> MultiplyAdd(Vector256<float> a, Vector256<float> b, Vector256<float> c) => Vector256.FusedMultiplyAdd(a, b, c);

    public static Vector256<float> Clamp(Vector256<float> value, Vector256<float> low, Vector256<float> high) =>
        Vector256.MinNative(high, Vector256.MaxNative(low, value));
}

/// <summary>Sixteen values. The same members as in <see cref="Lanes256"/>: .NET's vectors share no public interface.</summary>
internal readonly struct Lanes512 : ILanes<Vector512<float>>
{
    public static int Count => Vector512<float>.Count;

    public static Vector512<float> Load(ref readonly float from, nuint offset) => Vector512.LoadUnsafe(in from, offset);

    public static void Store(Vector512<float> value, ref float to, nuint offset) => value.StoreUnsafe(ref to, offset);

    public static Vector512<float> Create(float value) => Vector512.Create(value);

    public static Vector512<float> MultiplyAdd(Vector512<float> a, Vector512<float> b, Vector512<float> c) => Vector512.FusedMultiplyAdd(a, b, c);

    public static Vector512<float> Clamp(Vector512<float> value, Vector512<float> low, Vector512<float> high) =>
        Vector512.MinNative(high, Vector512.MaxNative(low, value));
}
