using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Onnx;
using static Ocellus.Vision.Onnx.OnnxParts;

namespace Ocellus.Vision.Quantization;

/// <summary>What the values of one tensor of a network are over some images.</summary>
/// <param name="Least">The smallest value of each image.</param>
/// <param name="Most">The largest value of each image.</param>
/// <param name="Mean">The mean of each channel over all images.</param>
internal sealed record TensorStatistics(float[] Least, float[] Most, double[] Mean)
{
    private const string LeastSuffix = "/least", MostSuffix = "/most", MeanSuffix = "/mean", ProductSuffix = "/product", ShapeSuffix = "/shape";

    /// <summary>Covariance of the channels over all places and images; null where it was not asked for.</summary>
    public double[,]? Covariance { get; private set; }

    /// <summary>
    /// Runs a network over images. The network itself reduces its tensors to a few numbers, so that memory does not depend on their size.
    /// </summary>
    /// <param name="model">The network, with the input <c>image</c>.</param>
    /// <param name="tensors">Names of tensors [N, C, H, W].</param>
    /// <param name="related">Those of them whose covariance is wanted.</param>
    /// <param name="images">Interleaved RGB of the network's size.</param>
    /// <param name="width">Of the network, pixels.</param>
    /// <param name="height">Of the network, pixels.</param>
    /// <param name="threads">Threads of a pass.</param>
    /// <param name="cancel">Ends it between two images.</param>
    /// <param name="done">Called after each image.</param>
    public static Dictionary<string, TensorStatistics> Collect(
        OnnxFile model, IReadOnlyCollection<string> tensors, IReadOnlySet<string> related, IReadOnlyList<byte[]> images, int width, int height, int threads,
        CancellationToken cancel, Action? done = null)
    {
        OnnxFile watched = model.Clone();
        watched.Graph.Output.Clear();
        foreach (string tensor in tensors)
        {
            Reduce(watched, tensor, "ReduceMin", LeastSuffix, 1, 2, 3);
            Reduce(watched, tensor, "ReduceMax", MostSuffix, 1, 2, 3);
            Reduce(watched, tensor, "ReduceMean", MeanSuffix, 2, 3);
            if (related.Contains(tensor))
            {
                Multiply(watched, tensor);
            }
        }

        watched.Prune();
        string[] outputs = [.. watched.Graph.Output.Select(o => o.Name)];
        Dictionary<string, TensorStatistics> found = [];
        Dictionary<string, float[]> products = new(StringComparer.Ordinal);
        using InferenceSession session = Sessions.Open(watched.ToBytes(), threads);
        for (int i = 0; i < images.Count; i++)
        {
            cancel.ThrowIfCancellationRequested();
            using var results = session.Run([NamedOnnxValue.CreateFromTensor("image", new DenseTensor<byte>(images[i], [1, height, width, 3]))], outputs);
            Dictionary<string, DisposableNamedOnnxValue> named = results.ToDictionary(r => r.Name, StringComparer.Ordinal);
            float[] Values(string name) => ((DenseTensor<float>)named[name].AsTensor<float>()).Buffer.ToArray();
            foreach (string tensor in tensors)
            {
                float[] mean = Values(tensor + MeanSuffix);
                if (!found.TryGetValue(tensor, out TensorStatistics? one))
                {
                    found[tensor] = one = new TensorStatistics(new float[images.Count], new float[images.Count], new double[mean.Length]);
                }

                (one.Least[i], one.Most[i]) = (Values(tensor + LeastSuffix)[0], Values(tensor + MostSuffix)[0]);
                for (int c = 0; c < mean.Length; c++)
                {
                    one.Mean[c] += (double)mean[c] / images.Count;
                }

                if (related.Contains(tensor))
                {
                    // All images have the same number of places.
                    var shape = named[tensor + ShapeSuffix].AsTensor<long>();
                    float[] product = Values(tensor + ProductSuffix);
                    TensorPrimitives.Divide(product, (float)shape[2] * shape[3] * images.Count, product);
                    products[tensor] = products.TryGetValue(tensor, out float[]? sum) ? Sum(sum, product) : product;
                }
            }

            done?.Invoke();
        }

        foreach ((string tensor, float[] product) in products)
        {
            found[tensor].Covariance = Centred(product, found[tensor].Mean);
        }

        return found;
    }

    private static float[] Sum(float[] sum, float[] more)
    {
        TensorPrimitives.Add(sum, more, sum);
        return sum;
    }

    private static double[,] Centred(float[] product, double[] mean)
    {
        var covariance = new double[mean.Length, mean.Length];
        for (int i = 0; i < mean.Length; i++)
        {
            for (int j = 0; j < mean.Length; j++)
            {
                covariance[i, j] = product[i * mean.Length + j] - mean[i] * mean[j];
            }
        }

        return covariance;
    }

    /// <summary>Sums of the products of two channels over all places.</summary>
    private static void Multiply(OnnxFile file, string tensor)
    {
        string rows = tensor + "/rows";
        file.SetLongs(rows + "/form", 0, 0, -1);
        file.Graph.Node.Add(Node("Reshape", [tensor, rows + "/form"], rows));
        file.Graph.Node.Add(Node("Transpose", [rows], rows + "/turned", Wholes("perm", 0, 2, 1)));
        file.Graph.Node.Add(Node("MatMul", [rows, rows + "/turned"], tensor + ProductSuffix));
        file.Graph.Node.Add(Node("Shape", [tensor], tensor + ShapeSuffix));
        file.Graph.Output.Add(Value(tensor + ProductSuffix, TensorProto.Types.DataType.Float, "N"));
        file.Graph.Output.Add(Value(tensor + ShapeSuffix, TensorProto.Types.DataType.Int64, "R"));
    }

    private static void Reduce(OnnxFile file, string tensor, string operation, string suffix, params long[] axes)
    {
        file.Graph.Node.Add(Node(operation, [tensor], tensor + suffix, Wholes("axes", axes), Whole("keepdims", 0)));
        file.Graph.Output.Add(Value(tensor + suffix, TensorProto.Types.DataType.Float, "N"));
    }
}
